"""Damage to a folder of files, drawn from a seed: what disks, editors, merges and forgers do."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.boards.checksums import write_sums
from bench.boards.store import Board
from bench.evaluation.records.archive import record_text
from bench.evaluation.records.rows_file import read_rows, rows_sha256, write_rows
from bench.foundation.files import sha256_bytes
from bench.foundation.json_text import on_one_line

Chance = random.Random
UNTESTABLE = {"seconds", "forwards", "backwards", "zero_gradients", "noise_draws", "eps"}
"""Figures of a result that nothing in the rows says again; ``eps`` is checked as the text beside it."""


def _bytes(change: Callable[[bytes, Chance], bytes]) -> Callable[[Path, Chance], None]:
    return lambda path, chance: path.write_bytes(change(path.read_bytes(), chance)) and None


def flipped(content: bytes, chance: Chance) -> bytes:
    """One bit is another."""
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def cut(content: bytes, chance: Chance) -> bytes:
    """The end is missing."""
    return content[: chance.randrange(len(content))]


def zeroed(content: bytes, chance: Chance) -> bytes:
    """A stretch is zero, as after a crash of a file system."""
    start = chance.randrange(len(content))
    return content[:start] + bytes(len(content[start : start + 4096])) + content[start + 4096 :]


def grown(content: bytes, chance: Chance) -> bytes:
    """Something follows that was not there."""
    return content + chance.choice((b"\n", b" ", b"\0" * 512, content[: chance.randint(1, len(content))]))


def renumbered(content: bytes, chance: Chance) -> bytes:
    """One digit is another; in a file without digits, a bit."""
    places = [match.start() for match in re.finditer(rb"[0-9]", content)]
    if not places:
        return flipped(content, chance)
    place = chance.choice(places)
    digit = chance.choice([value for value in b"0123456789" if value != content[place]])
    return content[:place] + bytes([digit]) + content[place + 1 :]


def relined(content: bytes, chance: Chance) -> bytes:
    """A line is missing, there twice, or has changed places; in a file of one line, the end is missing."""
    lines = content.splitlines(keepends=True)
    if len(set(lines)) < 2:
        return cut(content, chance)
    place = chance.randrange(len(lines))
    other = chance.choice([number for number in range(len(lines)) if lines[number] != lines[place]])
    kind = chance.randrange(3)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(other, lines[place])
    else:
        lines[place], lines[other] = lines[other], lines[place]
    return b"".join(lines)


def removed(path: Path, chance: Chance) -> None:
    """The file is gone."""
    path.unlink()


def emptied(path: Path, chance: Chance) -> None:
    """It is there and holds nothing."""
    path.write_bytes(b"")


def swapped(path: Path, chance: Chance) -> None:
    """Two files have changed places."""
    others = [other for other in files(path.parent) if other.read_bytes() != path.read_bytes()]
    other = chance.choice(others or [path])
    if other == path:
        removed(path, chance)
        return
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def linked(path: Path, chance: Chance) -> None:
    """A link to the very same content elsewhere."""
    elsewhere = path.parents[4] / f"elsewhere-{path.name}"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def made_folder(path: Path, chance: Chance) -> None:
    """A folder of that name."""
    path.unlink()
    path.mkdir()


def made_pipe(path: Path, chance: Chance) -> None:
    """A pipe that nobody writes to: whoever reads it waits for ever."""
    path.unlink()
    os.mkfifo(path)


def joined(path: Path, chance: Chance) -> None:
    """A file beside it that is no part of a board."""
    path.with_name(f"{path.name}{chance.choice(('.bak', '.orig', '~', '.rej', ' (1)'))}").write_bytes(path.read_bytes())


FILE_DAMAGE: dict[str, Callable[[Path, Chance], None]] = {
    "a bit": _bytes(flipped),
    "cut": _bytes(cut),
    "zeros": _bytes(zeroed),
    "more": _bytes(grown),
    "a digit": _bytes(renumbered),
    "lines": _bytes(relined),
    "removed": removed,
    "emptied": emptied,
    "swapped": swapped,
    "a link": linked,
    "a folder": made_folder,
    "a pipe": made_pipe,
    "a copy": joined,
}


def files(folder: Path) -> list[Path]:
    """All plain files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def damage_file(folder: Path, chance: Chance) -> str:
    """Damage one file; what was done to which, in words."""
    path = chance.choice([path for path in files(folder) if path.stat().st_size])
    before = {file: file.read_bytes() for file in files(folder)}
    kind = chance.choice(sorted(FILE_DAMAGE))
    FILE_DAMAGE[kind](path, chance)
    if {file: file.read_bytes() for file in files(folder)} == before and not path.is_symlink():
        return damage_file(folder, chance)  # a swap of equal lines, for example
    return f"{kind} in {path.relative_to(folder)}"


# --- forgeries: the hashes agree with what was changed ---


def forge_number(board: Board, chance: Chance) -> str:
    """Another figure in the results of a record."""
    name = chance.choice([str(name) for name in board.names()])
    lines = board.archive.lines()
    fields = json.loads(lines[name].record)
    places = list(_numbers(fields["results"], ("results",)))
    place = chance.choice(places)
    inner: Any = fields
    for key in place[:-1]:
        inner = inner[key]
    before = inner[place[-1]]
    inner[place[-1]] = before + chance.choice((1, -1)) if isinstance(before, int) else before + chance.choice((0.25, -0.25))
    text = on_one_line(json.dumps(fields))
    lines[name] = replace(lines[name], record=text, record_sha256=sha256_bytes(record_text(text)))
    board.archive.path.write_text("".join(line.text() for line in lines.values()))
    return f"{'.'.join(map(str, place))} of {name}"


def _numbers(value: Any, place: tuple[Any, ...]) -> Any:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _numbers(inner, (*place, key)) if key not in UNTESTABLE else ()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place


def forge_rows(board: Board, chance: Chance) -> str:
    """Rows that are missing, doubled, or say something else of a sample."""
    path, lines = board.folder / "rows.parquet", board.archive.lines()
    rows = read_rows(path)
    name = chance.choice(sorted(rows))
    frame = rows[name]
    kind = chance.choice(("missing", "doubled", "rates", "sample"))
    row = chance.randrange(len(frame))
    if kind == "missing":
        changed = frame.drop(index=frame.index[row])
    elif kind == "doubled":
        changed = pd.concat([frame, frame.iloc[[row]]])
    elif kind == "rates":
        changed = frame.copy()
        column = chance.choice(("robust", "selection", "clean_correct", "noise_1"))
        changed[column] = changed[column].astype(float)
        changed.loc[changed.index[row], column] = 1.0 - float(changed[column].iloc[row])
    else:
        changed = frame.copy()
        changed.loc[changed.index[row], "sample"] = int(frame["sample"].max()) + 1
    rows[name] = changed.reset_index(drop=True)
    write_rows(path, rows)
    lines[name] = replace(lines[name], rows_sha256=rows_sha256(read_rows(path)[name]))
    board.archive.path.write_text("".join(line.text() for line in lines.values()))
    return f"{kind} row {row} of {name}"


FORGERIES = (forge_number, forge_rows)


def forge(board: Board, chance: Chance) -> str:
    """Change a record or rows, and renew every hash that names them; what was done, in words."""
    what = chance.choice(FORGERIES)(board, chance)
    write_sums(board)
    return f"forged: {what}"

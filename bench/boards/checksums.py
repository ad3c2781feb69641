"""``SHA256SUMS`` of a board: the hash of every other file, so that a change to any is noticed.

``sha256sum -c SHA256SUMS`` checks it without this program.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.boards.gallery_record import GALLERY, LIST_FILE
from bench.boards.naming import EntryName
from bench.boards.protocol import HASH_FILE, PROTOCOL_FILE
from bench.boards.store import CARDS_FILE, CHALLENGES, CHANGES_FILE, TABLE_FILE, Board
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_text, sha256_file

SUMS_FILE = "SHA256SUMS"
FILES = {PROTOCOL_FILE, HASH_FILE, RECORDS_FILE, ROWS_FILE, CARDS_FILE, TABLE_FILE, CHANGES_FILE, f"{GALLERY}/{LIST_FILE}"}


def write_sums(board: Board) -> None:
    """Bring the hashes up to date. The caller holds the lock."""
    path, text = board.folder / SUMS_FILE, sums_text(board)
    if not path.is_file() or path.read_bytes() != text.encode():
        atomic_write_text(path, text)


def sums_text(board: Board) -> str:
    """The content of ``SHA256SUMS``: the files of a board, sorted by name."""
    return "".join(f"{sha256_file(board.folder / name)}  {name}\n" for name in _files(board) if belongs(name))


def sums_problems(board: Board) -> Iterator[tuple[str, str]]:
    """(file, what is wrong with it) of every file that is not as ``SHA256SUMS`` says, or is no part of a board."""
    text = _text(board)
    listed = _listed(text)
    present = _files(board)
    for name in present:
        if not belongs(name):
            yield name, "is no part of a board"
        elif name not in listed:
            yield name, f"is not listed in {SUMS_FILE}"
        elif sha256_file(board.folder / name) != listed[name]:
            yield name, f"is not the file that {SUMS_FILE} lists"
    for name in sorted(set(listed) - set(present)):
        yield name, f"is listed in {SUMS_FILE}, and is missing"
    if text != sums_text(board):
        yield SUMS_FILE, "is not what the files give; bring it up to date with bench board render"


def refuse_lost_words(board: Board) -> None:
    """Raise ``BoardError`` if a challenge or a line of the change log is not what it was when the hashes were written.

    Neither is ever rewritten, only added to. Whoever writes to a board renews its hashes, after which such damage could not
    be told from what was meant.
    """
    listed = _listed(_text(board))
    for name, sha256 in listed.items():
        path = board.folder / name
        if name.startswith(f"{CHALLENGES}/"):
            whole = path.is_file() and sha256_file(path) == sha256
        else:
            whole = name != CHANGES_FILE or (path.is_file() and _begins_with(path.read_bytes(), sha256))
        if not whole:
            raise BoardError(
                f"{path} is not what {SUMS_FILE} lists.",
                f"Restore it. If the change was meant, remove {SUMS_FILE} and run bench board render.",
            )


def _begins_with(content: bytes, sha256: str) -> bool:
    """Whether the first lines of ``content``, or all of them, have this hash."""
    hashed = hashlib.sha256()
    for line in content.splitlines(keepends=True):
        hashed.update(line)
        if hashed.hexdigest() == sha256:
            return True
    return not content and hashed.hexdigest() == sha256


def _text(board: Board) -> str:
    path = board.folder / SUMS_FILE
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""


def _listed(text: str) -> dict[str, str]:
    """Name to hash of the files that a text of hashes lists."""
    return {name: sha256 for sha256, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}


def odd_files(board: Board) -> list[str]:
    """Names of the files of a board that are links, pipes, folders or devices; reading one may lead elsewhere, or wait."""
    paths = {name: board.folder / name for name in (*_names(board), *_folders(board)) if name == SUMS_FILE or belongs(name)}
    return sorted(name for name, path in paths.items() if path.is_symlink() or not path.is_file())


def _files(board: Board) -> list[str]:
    """Every file of a board but the list itself, and what writers are at work on."""
    return [name for name in _names(board) if name != SUMS_FILE]


def _names(board: Board) -> list[str]:
    return sorted(_relative(board, (path for path in board.folder.rglob("*") if not path.is_dir() or path.is_symlink())))


def _folders(board: Board) -> Iterator[str]:
    return _relative(board, (path for path in board.folder.rglob("*") if path.is_dir()))


def _relative(board: Board, paths: Iterable[Path]) -> Iterator[str]:
    relative = (path.relative_to(board.folder) for path in paths)
    return (path.as_posix() for path in relative if not any(part.startswith(".") for part in path.parts))


def belongs(name: str) -> bool:
    """Whether a file of this name, relative to its board, may be part of one."""
    if name in FILES:
        return True
    matched = re.fullmatch(rf"{GALLERY}/([^/]+)\.webp|{CHALLENGES}/([^/]+)/[0-9]{{4}}\.json", name)
    try:
        return matched is not None and EntryName.parse(matched[1] or matched[2]) is not None
    except BoardError:
        return False

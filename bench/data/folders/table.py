"""``scores.csv``: image, score and perhaps reference, as spreadsheets and scripts write it.

Read are commas, semicolons and tabs between columns (the one that makes the header name ``image`` and ``score``), column
names of any case, quoted fields, UTF-8 and, where a byte-order mark says so, UTF-16; decimal commas where no score has a
point; backslashes in paths, and names that differ from the files' in case only. The rest is refused with the line's number.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from bench.data.folders.listing import files_below
from bench.data.paths import composed, is_file, shown
from bench.foundation.errors import DataError

TABLE = "scores.csv"
HEADER = "image,score[,reference]"

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Rated:
    """One line of the table."""

    image: Path
    score: float
    reference: str


@dataclass(frozen=True)
class _Line:
    number: int
    cells: Mapping[str, str]


def find_table(top: Path) -> Path | None:
    """The table of a folder, whatever the case of its name. Raises ``DataError`` for two of them."""
    try:
        tables = sorted(path for path in top.iterdir() if path.name.casefold() == TABLE and path.is_file())
    except (OSError, ValueError):  # not there, or a name that no system takes: whoever lists the folder says so
        return None
    if len(tables) > 1:
        raise DataError(f"{shown(tables[0])} has a second one beside it, {tables[1].name}.", "Remove one of them.")
    return tables[0] if tables else None


def read_table(top: Path, table: Path) -> list[Rated]:
    """The lines of a table, checked against the images below ``top``. Raises ``DataError``."""
    lines = list(_lines(table))
    names = _Names(top)
    comma_problem = _comma_problem([line.cells["score"] for line in lines])
    rated: dict[Path, tuple[int, Rated]] = {}
    for line in lines:
        image = names.find(line, table)
        if image in rated:
            raise _at(
                table, line, f"names {line.cells['image']} twice; line {rated[image][0]} did before", "Name each image once."
            )
        rated[image] = (
            line.number,
            Rated(image, _score(line, table, comma_problem), line.cells.get("reference") or line.cells["image"]),
        )
    lines_read = [entry for _, entry in rated.values()]
    references = {names.find_or_none(entry.reference) for entry in lines_read}
    if left := [path for path in names.images if path not in rated and path not in references]:
        raise DataError(
            f"{shown(top)} holds {len(left):,} images without a score, {shown(left[0].relative_to(top))} first.",
            f"Add them to {table.name}, or move them away.",
        )
    if not lines_read:
        raise DataError(f"{shown(table)} rates no image.", "Give it a line per image.")
    if len(lines_read) > 1 and len({entry.score for entry in lines_read}) == 1:
        raise DataError(f"All scores in {shown(table)} are the same.", "Give scores that tell good images from bad ones.")
    return lines_read


class _Names:
    """The images below a folder, by the names that a table may give them."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.images = list(files_below(top))
        self.by_name = {composed(path.relative_to(top).as_posix()): path for path in self.images}
        self.by_folded: dict[str, list[Path]] = {}
        for name, path in self.by_name.items():
            self.by_folded.setdefault(name.casefold(), []).append(path)

    def find_or_none(self, name: str) -> Path | None:
        """The image of this name; where there is none, the only one whose name differs in case alone."""
        for form in (name, name.replace("\\", "/")):
            plain = composed(PurePosixPath(form).as_posix())
            if plain in self.by_name:
                return self.by_name[plain]
            if len(alike := self.by_folded.get(plain.casefold(), [])) == 1:
                return alike[0]
        return None

    def find(self, line: _Line, table: Path) -> Path:
        """The image that a line names. Raises ``DataError``."""
        name = line.cells["image"]
        path = PurePosixPath(name.replace("\\", "/"))
        if not name or path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
            raise _at(
                table, line, f"names {name!r}, which is not below {shown(self.top)}", "Give paths relative to the table."
            )
        image = self.find_or_none(name)
        if image is not None:
            return image
        if is_file(self.top / path):
            raise _at(table, line, f"names {name}, which is no image of a kind that is read", "Save it as PNG.")
        same = [known for known in self.by_name if PurePosixPath(known).name == path.name]
        close = same or difflib.get_close_matches(path.as_posix(), self.by_name, n=1, cutoff=0.8)
        meant = f" Did you mean {shown(close[0])}?" if len(close) == 1 else ""
        raise _at(table, line, f"names {name}, which is not there", f"Correct the name or add the image.{meant}")


def _lines(table: Path) -> Iterator[_Line]:
    """Lines that are not blank, by column. Raises ``DataError``."""
    text = _text(table)
    first, _, rest = text.partition("\n")
    skipped = 0
    if marked := re.fullmatch(r"sep=(.)\r?", first):  # how Excel is told what stands between columns
        text, skipped = rest, 1
    delimiter = marked[1] if marked else _delimiter(text, table)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    columns: list[str] | None = None
    try:
        for fields in reader:
            cells = [field.strip() for field in fields]
            number = reader.line_num + skipped
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells, table)
                continue
            while len(cells) > len(columns) and not cells[-1]:
                cells.pop()
            line = _Line(number, dict(zip(columns, cells, strict=False)))
            if len(cells) > len(columns):
                hint = " A score with a decimal comma must be quoted." if delimiter == "," else ""
                raise _at(table, line, f"has {len(cells)} fields instead of {len(columns)}", f"Correct the line.{hint}")
            if missing := [name for name in ("image", "score") if name not in line.cells]:
                raise _at(table, line, f"has no {missing[0]}", "Complete the line.")
            yield line
    except csv.Error as error:
        number = reader.line_num + skipped
        raise DataError(f"{shown(table)} is no table from line {number} on ({error}).", "Look at its quotes.") from error
    if columns is None:
        raise DataError(f"{shown(table)} has no column 'image'.", f"Give it the header {HEADER}.")


def _text(table: Path) -> str:
    fix = f"Make it a UTF-8 text: {HEADER}."
    try:
        if table.stat().st_size > _LARGEST:
            raise DataError(f"{shown(table)} has more than {_LARGEST // 2**20} MB.", fix)
        content = table.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{shown(table)} cannot be read.", fix) from error


def _delimiter(text: str, table: Path) -> str:
    """The character between the columns of the header. Raises ``DataError``."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in (",", ";", "\t"):
        try:
            fields = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
        except (csv.Error, StopIteration):
            continue
        if {"image", "score"} <= {field.strip().casefold() for field in fields}:
            return delimiter
    likeliest = next((sign for sign in ("\t", ";", ",") if sign in header), ",")
    names = {field.strip().strip('"').casefold() for field in header.split(likeliest)}
    missing = "image" if "image" not in names else "score"
    raise DataError(
        f"{shown(table)} has no column {missing!r}: its first line is {shown(header[:60])!r}.",
        f"Give it the header {HEADER}, with commas, semicolons or tabs.",
    )


def _columns(cells: list[str], table: Path) -> list[str]:
    names = [cell.casefold() for cell in cells]
    for name in ("image", "score", "reference"):
        if names.count(name) > 1:
            raise DataError(f"{shown(table)} has the column {name!r} twice.", f"Give it the header {HEADER}.")
        if name not in names and name != "reference":
            raise DataError(f"{shown(table)} has no column {name!r}.", f"Give it the header {HEADER}.")
    return names


def _comma_problem(scores: list[str]) -> str | None:
    """Why a comma in a score is no decimal comma for certain; None where it is one."""
    if any("." in score for score in scores):
        return "and others have a decimal point"
    with_comma = [score for score in scores if "," in score]
    return "in which the comma may stand for thousands" if all(map(_THOUSANDS.fullmatch, with_comma)) else None


def _score(line: _Line, table: Path, comma_problem: str | None) -> float:
    text = line.cells["score"]
    if not _NUMBER.fullmatch(text):
        raise _at(table, line, f"gives {line.cells['image']} the score {text!r}, which is no number", "Correct the line.")
    if "," in text and comma_problem is not None:
        raise _at(table, line, f"has the score {text!r}, {comma_problem}", "Use a point for decimals, everywhere.")
    value = float(text.replace(",", "."))
    if abs(value) > float(np.finfo(np.float32).max):
        raise _at(table, line, f"has the score {text}, which is too large", "Scale the scores.")
    return value


def _at(table: Path, line: _Line, what: str, fix: str) -> DataError:
    return DataError(f"Line {line.number} of {shown(table)} {shown(what)}.", fix)

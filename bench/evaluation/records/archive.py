"""Many records in two files of a folder: ``records.jsonl`` with one line per record, ``rows.parquet`` with the rows of all.

A line holds the sha256 of the record's text and of its rows' values; both are checked when the record is read. A writer
writes the rows first and the line second, so a record exists if its line does. Rows without a line were left by a killed
writer, and the next writer drops them. The folder may hold other files. Writers hold the lock of the folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.evaluation.records.parsing import parse_record, with_all_columns
from bench.evaluation.records.rows_file import ROWS_FILE, entries_in, read_rows, rows_sha256, write_rows
from bench.foundation.errors import RecordError, UnknownNameError
from bench.foundation.files import atomic_path, atomic_write_text, make_folder, sha256_bytes
from bench.foundation.json_text import indented, on_one_line
from bench.tasks.record import Record

if TYPE_CHECKING:
    import pandas as pd

RECORDS_FILE = "records.jsonl"
RESTORE = "Restore it."
_NAME = re.compile(r'[^"\\/\s]+')
_LINE = re.compile(
    r'\{"name":"([^"\\]+)","record_sha256":"([0-9a-f]{64})","rows_sha256":"([0-9a-f]{64})","record":(\{.*\})\}'
)


@dataclass(frozen=True)
class Line:
    """One line of ``records.jsonl``. record: the text of the record, on one line."""

    name: str
    record_sha256: str
    rows_sha256: str
    record: str

    @classmethod
    def of(cls, name: str, text: str, rows: pd.DataFrame) -> Line:
        """The line of a record, whatever the layout of its ``text``."""
        return cls(name, sha256_bytes(record_text(text)), rows_sha256(rows), on_one_line(text))

    def text(self) -> str:
        """The line, with its line end."""
        hashes = f'"record_sha256":"{self.record_sha256}","rows_sha256":"{self.rows_sha256}"'
        return f'{{"name":{json.dumps(self.name, ensure_ascii=False)},{hashes},"record":{self.record}}}\n'


def record_text(text: str) -> bytes:
    """The bytes that ``record_sha256`` is the hash of: those of ``record.json`` as an evaluation writes it, indented,
    without the field that states this hash."""
    return f"{indented(text)}\n".encode()


@dataclass(frozen=True)
class Archive:
    """The records of a folder, by name. A folder without ``records.jsonl`` holds none."""

    folder: Path

    @property
    def path(self) -> Path:
        """Path of ``records.jsonl``."""
        return self.folder / RECORDS_FILE

    def lines(self) -> dict[str, Line]:
        """All lines by name, in the order of the file. Raises ``RecordError`` for one that is malformed or damaged."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"{self.path} cannot be read.", RESTORE) from error
        lines = [self._line(number, line) for number, line in enumerate(text.split("\n")[:-1], 1)]
        by_name = {line.name: line for line in lines}
        if len(by_name) < len(lines) or text != "".join(line.text() for line in lines):
            raise RecordError(f"{self.path} is damaged: a line is cut, or stands there twice.", RESTORE)
        return by_name

    def _line(self, number: int, text: str) -> Line:
        matched = _LINE.fullmatch(text)
        if matched is None:
            raise RecordError(f"Line {number} of {self.path} is damaged.", RESTORE)
        return Line(*matched.groups())

    def holds(self, name: str) -> bool:
        """Whether it has a record of this name."""
        return self.path.is_file() and name in self.lines()

    def read(self, name: str) -> Record:
        """One record with its rows, hashes checked. Raises ``RecordError`` if it is missing or damaged."""
        lines = self.lines()
        if name not in lines:
            raise UnknownNameError.of(f"record in {self.folder}:", name, list(lines))
        return self.record_of(lines[name])

    def record_of(self, line: Line) -> Record:
        """The record of a line, with its rows, hashes checked. Raises ``RecordError`` if either is damaged."""
        where = f"{line.name} in {self.path}"
        if sha256_bytes(record_text(line.record)) != line.record_sha256:
            raise RecordError(f"{where} is not the record that its hash names.", RESTORE)
        record = parse_record(line.record, where, RESTORE)
        rows = read_rows(self.folder / ROWS_FILE, line.name).get(line.name)
        if rows is None or rows_sha256(rows) != line.rows_sha256:
            raise RecordError(
                f"The rows of {line.name} in {self.folder / ROWS_FILE} are missing or not what its line names.",
                RESTORE,
            )
        return record.with_rows(with_all_columns(rows))

    def add(self, records: Mapping[str, Record]) -> None:
        """Add records with their rows; see :meth:`add_texts`."""
        self.add_texts({name: (record.model_dump_json(), record.rows) for name, record in records.items()})

    def add_texts(self, records: Mapping[str, tuple[str, pd.DataFrame]]) -> None:
        """Add all of these records or none. records: for each name, the text of the record and its rows.

        The caller holds the lock. Raises ``RecordError`` if a name is taken or cannot be one, or if the archive is damaged.
        """
        lines = self.lines()
        for name in records:
            if not _NAME.fullmatch(name):
                raise RecordError(f"{name!r} cannot be the name of a record.", "Leave out quotes, slashes and spaces.")
            if name in lines:
                raise RecordError(f"{name} is in {self.path} already.", "Remove it first.")
        if not records:
            return
        make_folder(self.folder)
        rows = self._rows() | {name: frame for name, (_, frame) in records.items()}
        lines |= {name: Line.of(name, text, frame) for name, (text, frame) in records.items()}
        self._write_rows(lines, rows)
        self._write_lines(lines)

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop all other records. The caller holds the lock."""
        lines, wanted = self.lines(), set(names)
        remaining = {name: line for name, line in lines.items() if name in wanted}
        if len(remaining) < len(lines):
            self._write_lines(remaining)
        self.tidy()

    def tidy(self) -> None:
        """Drop the rows that have no record. The caller holds the lock."""
        lines = self.lines()
        if not lines:
            for path in (self.path, self.folder / ROWS_FILE):
                path.unlink(missing_ok=True)
        elif self.strays():
            self._write_rows(lines, self._rows())

    def strays(self) -> list[str]:
        """Names in ``rows.parquet`` that have no record."""
        path = self.folder / ROWS_FILE
        return sorted(entries_in(path) - set(self.lines())) if path.is_file() else []

    def _rows(self) -> dict[str, pd.DataFrame]:
        path = self.folder / ROWS_FILE
        return read_rows(path) if path.is_file() else {}

    def _write_lines(self, lines: Mapping[str, Line]) -> None:
        atomic_write_text(self.path, "".join(line.text() for _, line in sorted(lines.items())))

    def _write_rows(self, lines: Mapping[str, Line], rows: Mapping[str, pd.DataFrame]) -> None:
        """Write the rows of these lines. Raises ``RecordError`` if any are damaged or would be read back differently."""
        with atomic_path(self.folder / ROWS_FILE) as path:
            write_rows(path, {name: rows[name] for name in sorted(lines) if name in rows})
            written = read_rows(path)
            for name, line in lines.items():
                if name not in written or rows_sha256(written[name]) != line.rows_sha256:
                    raise RecordError(f"The rows of {name} in {self.folder} are missing or damaged.", RESTORE)

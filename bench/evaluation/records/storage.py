"""A record on disk: a JSON file and the rows beside it, each written completely or not at all.

The last field of the JSON file is the hash of its text without that field, so that a change of any byte is noticed.
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.evaluation.records.archive import Archive
from bench.evaluation.records.parsing import AGAIN, parse_record, with_all_columns
from bench.evaluation.records.rows_file import ROWS_FILE, read_frame
from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_path, atomic_write_text, make_folder, sha256_bytes, sha256_file
from bench.tasks.record import Record

RECORD_FILE = "record.json"
UNSEALED = "record.json states no hash of its text, so whether it is as it was written is not known."
"""The remark on a record that an earlier version of this program wrote."""
_END = "\n}\n"
_SEAL = re.compile(r',\n "record_sha256": "([0-9a-f]{64})"\n\}\n\Z')


def write_record(record: Record, folder: Path) -> Record:
    """Write rows, then the record, each atomically; the record has the hash of the rows, so that a mismatch is detected.

    Raises ``StorageError`` if the disk refuses.
    """
    make_folder(folder)
    with atomic_path(folder / ROWS_FILE) as path:
        record.rows.to_parquet(path, index=False)
    final = record.model_copy(update={"rows_sha256": sha256_file(folder / ROWS_FILE)})
    atomic_write_text(folder / RECORD_FILE, sealed(final.model_dump_json(indent=1) + "\n"))
    return final.with_rows(record.rows)


def sealed(text: str) -> str:
    """The text of a record, which ends as an indented JSON object does, with its hash as the last field.

    The hash is the ``record_sha256`` that an archive gives the same record.
    """
    return text.removesuffix(_END) + f',\n "record_sha256": "{sha256_bytes(text.encode())}"' + _END


def unsealed(text: str, where: Path) -> tuple[str, bool]:
    """The text without its last field, and whether it had one. Raises ``RecordError`` if it is not what its hash names."""
    seal = _SEAL.search(text)
    if seal is None:
        return text, False
    content = text[: seal.start()] + _END
    if sha256_bytes(content.encode()) != seal[1]:
        raise RecordError(f"{where} is not as it was written: its text has another hash than it names.", AGAIN)
    return content, True


def read_record(folder: Path | str) -> Record:
    """The record in ``folder`` (or of a ``record.json``, or ``ARCHIVE/NAME``), with its rows, hashes checked.

    A record that states no hash of its text is read, and has :data:`UNSEALED` among its remarks.
    Raises ``RecordError`` if it is missing, damaged, or newer than this program, and ``UnknownNameError`` for a name that an
    archive does not hold.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == RECORD_FILE else folder
    archive = Archive(folder.parent)
    if not folder.exists() and archive.path.is_file():
        return archive.read(folder.name)
    record, was_sealed = read_folder(folder)
    if was_sealed:
        return record
    return record.model_copy(update={"remarks": [*record.remarks, UNSEALED]}).with_rows(record.rows)


def read_folder(folder: Path) -> tuple[Record, bool]:
    """The record in ``folder``, and whether it stated the hash of its text. Raises ``RecordError`` as above."""
    path, rows = folder / RECORD_FILE, folder / ROWS_FILE
    if odd := [each for each in (path, rows) if each.exists() and not each.is_file()]:
        raise RecordError(f"{odd[0]} is not a plain file.", AGAIN)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is damaged.", AGAIN) from error
    except OSError as error:
        raise RecordError(
            f"There is no readable record in {folder} ({error.strerror}).", "Name a folder that bench evaluate wrote."
        ) from error
    content, was_sealed = unsealed(text, path)
    record = parse_record(content, path)
    if not rows.exists() or sha256_file(rows) != record.rows_sha256:
        raise RecordError(f"{rows} is missing or is not the file its record names.", AGAIN)
    return record.with_rows(with_all_columns(read_frame(rows))), was_sealed

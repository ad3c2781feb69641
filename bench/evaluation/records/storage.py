"""A record on disk: a JSON file and the rows beside it, each written completely or not at all."""

from __future__ import annotations

from pathlib import Path

from bench.evaluation.records.archive import Archive
from bench.evaluation.records.parsing import AGAIN, parse_record, with_all_columns
from bench.evaluation.records.rows_file import ROWS_FILE, read_frame
from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_path, atomic_write_text, make_folder, sha256_file
from bench.tasks.record import Record

RECORD_FILE = "record.json"


def write_record(record: Record, folder: Path) -> Record:
    """Write rows, then the record, each atomically; the record has the hash of the rows, so that a mismatch is detected.

    Raises ``StorageError`` if the disk refuses.
    """
    make_folder(folder)
    with atomic_path(folder / ROWS_FILE) as path:
        record.rows.to_parquet(path, index=False)
    final = record.model_copy(update={"rows_sha256": sha256_file(folder / ROWS_FILE)})
    atomic_write_text(folder / RECORD_FILE, final.model_dump_json(indent=1) + "\n")
    return final.with_rows(record.rows)


def read_record(folder: Path | str) -> Record:
    """The record in ``folder`` (or of a ``record.json``, or ``ARCHIVE/NAME``), with its rows, hashes checked.

    Raises ``RecordError`` if it is missing, damaged, or newer than this program.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == RECORD_FILE else folder
    archive = Archive(folder.parent)
    if not folder.exists() and archive.holds(folder.name):
        return archive.read(folder.name)
    path = folder / RECORD_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is damaged.", AGAIN) from error
    except OSError as error:
        raise RecordError(
            f"There is no readable record in {folder} ({error.strerror}).", "Name a folder that bench evaluate wrote."
        ) from error
    record = parse_record(text, path)
    rows = folder / ROWS_FILE
    if not rows.exists() or sha256_file(rows) != record.rows_sha256:
        raise RecordError(f"{rows} is missing or is not the file its record names.", AGAIN)
    return record.with_rows(with_all_columns(read_frame(rows)))

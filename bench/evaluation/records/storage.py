"""Records on disk: a JSON file and the rows beside it, each written completely or not at all.

Readers migrate older schemas step by step and refuse newer ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_path, atomic_write_text, make_folder, sha256_file
from bench.tasks.record import SCHEMA_VERSION, Record

if TYPE_CHECKING:
    import pandas as pd

RECORD_FILE, ROWS_FILE = "record.json", "rows.parquet"
AGAIN = "Evaluate again with --fresh."


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


def _with_results(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of schema 4 from schema 3, which had a list of results per task, one of them empty."""
    others = {name: value for name, value in fields.items() if name not in ("cells", "shifts")}
    return others | {"schema_version": 4, "results": [*fields["cells"], *fields["shifts"]]}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda fields: fields | {"schema_version": 2},
    2: lambda fields: fields | {"schema_version": 3, "task": "classification", "shifts": []},
    3: _with_results,
}
"""From schema version to a function that gives the next version's fields."""


def read_record(folder: Path) -> Record:
    """The record in ``folder`` (or of a ``record.json``), with its rows, hashes checked.

    Raises ``RecordError`` if it is missing, damaged, or newer than this program.
    """
    import pandas as pd

    folder = folder.parent if folder.name == RECORD_FILE else folder
    path = folder / RECORD_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        version = int(fields["schema_version"])
    except OSError as error:
        raise RecordError(
            f"There is no readable record in {folder} ({error.strerror}).", "Name a folder that bench evaluate wrote."
        ) from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RecordError(f"{path} is damaged.", AGAIN) from error
    if version > SCHEMA_VERSION:
        raise RecordError(f"{path} has schema {version}; this program reads up to {SCHEMA_VERSION}.", "Update the program.")
    while version < SCHEMA_VERSION:
        if version not in MIGRATIONS:
            raise RecordError(f"{path} has schema {version}, which never was.", AGAIN)
        try:
            fields = MIGRATIONS[version](fields)
        except (KeyError, TypeError) as error:
            raise RecordError(f"{path} is damaged.", AGAIN) from error
        version += 1
    try:
        record = Record.model_validate(fields)
    except ValidationError as error:
        raise RecordError(f"{path} is not a valid record ({error.error_count()} errors).", AGAIN) from error
    rows = folder / ROWS_FILE
    if not rows.exists() or sha256_file(rows) != record.rows_sha256:
        raise RecordError(f"{rows} is missing or is not the file its record names.", AGAIN)
    return record.with_rows(_with_all_columns(pd.read_parquet(rows)))


def _with_all_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the columns that the first schema lacks, which had one stage per attack and no counts of zero gradients."""
    if "robust" not in rows or "selection" in rows:
        return rows
    return rows.assign(selection=rows["robust"], stage="", zero_gradients=0)

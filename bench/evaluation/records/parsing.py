"""From the text of a record, of whichever schema, to the record; older schemas are migrated, newer ones refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.foundation.errors import RecordError
from bench.tasks.record import SCHEMA_VERSION, Record

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "Evaluate again with --fresh."


def _with_results(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of schema 4 from schema 3, which had a list of results per task, one of them empty."""
    others = {name: value for name, value in fields.items() if name not in ("cells", "shifts")}
    return others | {"schema_version": 4, "results": [*fields["cells"], *fields["shifts"]]}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda fields: fields | {"schema_version": 2},
    2: lambda fields: fields | {"schema_version": 3, "task": "classification", "shifts": []},
    3: _with_results,
    4: lambda fields: fields | {"schema_version": 5},
    5: lambda fields: fields | {"schema_version": 6},
}
"""From schema version to a function that gives the next version's fields."""


def parse_record(text: str, where: object, how: str = AGAIN) -> Record:
    """The record that ``text`` is, without its rows.

    where, how: for the ``RecordError`` that is raised if it is damaged, or newer than this program.
    """
    try:
        fields = json.loads(text)
        version = int(fields["schema_version"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise RecordError(f"{where} is damaged.", how) from error
    if version > SCHEMA_VERSION:
        raise RecordError(f"{where} has schema {version}; this program reads up to {SCHEMA_VERSION}.", "Update the program.")
    while version < SCHEMA_VERSION:
        if version not in MIGRATIONS:
            raise RecordError(f"{where} has schema {version}, which never was.", how)
        try:
            fields = MIGRATIONS[version](fields)
        except (KeyError, TypeError) as error:
            raise RecordError(f"{where} is damaged.", how) from error
        version += 1
    try:
        return Record.model_validate(fields)
    except ValidationError as error:
        raise RecordError(f"{where} is not a valid record ({error.error_count()} errors).", how) from error


def with_all_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the columns that the first schema lacks, which had one stage per attack and no counts of zero gradients."""
    if "robust" not in rows or "selection" in rows:
        return rows
    return rows.assign(selection=rows["robust"], stage="", zero_gradients=0)

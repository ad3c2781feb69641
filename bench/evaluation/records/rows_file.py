"""The rows of many records in one parquet file, each of which can be read without the rest.

The column ``entry`` says whose a row is. A row group holds whole entries, as many as fit into ``GROUP_ROWS``: the footer and
the pages of a group take 3.6 KB beside its values, more than the values of a small entry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.foundation.errors import RecordError
from bench.foundation.files import canonical_json

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS_FILE = "rows.parquet"
ENTRY, LACKING = "entry", "lacking"
GROUP_ROWS = 8192
COMPRESSION_LEVEL = 12
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What pyarrow and pandas raise for damaged files, beside pyarrow's own errors."""


def rows_sha256(rows: pd.DataFrame) -> str:
    """The hash of the values of ``rows``, in whatever file they lie: columns by name, with their kinds and values in order.

    Numbers are hashed with all their bits. None, NaN and null are hashed alike.
    """
    hashed = hashlib.sha256()
    for name in sorted(rows.columns):
        kind, content = _content(rows[name])
        hashed.update(canonical_json([name, kind, len(rows), len(content)]) + b"\n" + content)
    return hashed.hexdigest()


def _content(column: pd.Series[Any]) -> tuple[str, bytes]:
    import numpy as np

    missing = column.isna().to_numpy()
    if missing.all():
        return "nothing", b""
    if column.dtype.kind in "bi":
        return "bool" if column.dtype.kind == "b" else "integer", column.to_numpy().astype("<i8").tobytes()
    if column.dtype.kind == "f":
        return "real", np.where(missing, np.nan, column.to_numpy()).astype("<f8").tobytes()
    return "text", canonical_json([None if absent else str(value) for value, absent in zip(column, missing, strict=True)])


def write_rows(path: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write the rows of each entry, in the order of ``frames``, whose columns may differ.

    Raises ``RecordError`` if entries hold different kinds of values in one column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [_table(name, rows) for name, rows in frames.items()] or [pa.table({ENTRY: pa.array([], pa.string())})]
    try:
        whole = pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise RecordError(
            f"The rows for {path.parent} do not fit together ({error}).", "Keep records of different kinds apart."
        ) from error
    lacking = {
        name: absent for name, rows in frames.items() if (absent := sorted({*whole.column_names} - {ENTRY, *rows.columns}))
    }
    repeated = [field.name for field in whole.schema if field.type == pa.string() and _repeats(whole[field.name])]
    with pq.ParquetWriter(
        path,
        whole.schema.with_metadata({LACKING: canonical_json(lacking)} if lacking else None),
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=repeated,
        write_statistics=[ENTRY],
    ) as writer:
        for start, length in _groups([len(table) for table in tables]):
            writer.write_table(whole.slice(start, length), row_group_size=length)


def _table(name: str, rows: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    types = [pa.field(f.name, pa.string() if f.type == pa.large_string() else f.type) for f in table.schema]
    return table.cast(pa.schema(types)).add_column(0, ENTRY, pa.array([name] * len(table), pa.string()))


def _repeats(column: pa.ChunkedArray) -> bool:
    return bool(2 * len(column.unique()) < len(column))


def _groups(lengths: list[int]) -> Iterator[tuple[int, int]]:
    """(start, length) of each row group, given the lengths of the entries."""
    start = length = 0
    for more in lengths:
        if length and length + more > GROUP_ROWS:
            yield start, length
            start, length = start + length, 0
        length += more
    if length:
        yield start, length


def read_rows(path: Path, *names: str) -> dict[str, pd.DataFrame]:
    """The rows of the named entries (default: all), by name, read from their row groups alone; absent entries are left out.

    Raises ``RecordError`` for a file that is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            groups = [file.read_row_group(number) for number in range(file.num_row_groups) if _holds(file, number, names)]
            whole = pa.concat_tables(groups) if groups else schema.empty_table()
            lacking = json.loads((schema.metadata or {}).get(LACKING.encode(), b"{}"))
        frames = {
            name: whole.slice(start, length).drop_columns([ENTRY, *lacking.get(name, ())]).to_pandas()
            for name, start, length in _runs(whole[ENTRY].to_pylist())
            if not names or name in names
        }
    except (*_DAMAGED, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    return frames


def read_frame(path: Path) -> pd.DataFrame:
    """The rows of a file that holds those of one record. Raises ``RecordError`` for a file that is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows: pd.DataFrame = file.read().to_pandas()
    except (*_DAMAGED, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    return rows


def entries_in(path: Path) -> set[str]:
    """Names of the entries that have rows in a file. Raises ``RecordError`` for a file that is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return set(pq.read_table(path, columns=[ENTRY])[ENTRY].unique().to_pylist())
    except (*_DAMAGED, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RecordError:
    reason = str(error).partition("\n")[0]
    return RecordError(f"{path} is missing or damaged ({reason}).", "Restore it.")


def _runs(names: list[str]) -> Iterator[tuple[str, int, int]]:
    """(name, start, length) of each stretch of equal names."""
    start = 0
    for name, stretch in groupby(names):
        length = sum(1 for _ in stretch)
        yield name, start, length
        start += length


def _holds(file: Any, group: int, names: tuple[str, ...]) -> bool:
    """Whether a row group holds rows of these entries.

    Its column of names is read, not the statistics in the file's footer: pyarrow aborts the process where those are damaged.
    """
    return not names or not set(names).isdisjoint(file.read_row_group(group, columns=[ENTRY])[ENTRY].to_pylist())

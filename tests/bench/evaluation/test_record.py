"""Records: what is written is read back, and nothing damaged, foreign or newer gets in."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from support.tiny import Linear, labelled

import bench
from bench.evaluation.records import parsing as module
from bench.evaluation.records.archive import record_text
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.records.storage import RECORD_FILE, UNSEALED, read_record, unsealed, write_record
from bench.foundation.errors import BenchError, RecordError, StorageError
from bench.foundation.files import sha256_bytes, sha256_file
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record
from bench.tasks.results import Interval


@pytest.fixture(scope="module")
def record() -> Record:
    model = Linear()
    return bench.evaluate(model, attack=["fgsm", "uniform"], eps="0.05,0.3", data=labelled(model, 12, wrong=2))


@pytest.fixture
def folder(record: Record, tmp_path: Path) -> Path:
    write_record(record, tmp_path / "a")
    return tmp_path / "a"


def fields_of(folder: Path) -> dict[str, Any]:
    """The fields of a record as earlier versions wrote it: without the hash of its text."""
    fields: dict[str, Any] = json.loads((folder / RECORD_FILE).read_text())
    return {name: value for name, value in fields.items() if name != "record_sha256"}


def changed(folder: Path, **fields: Any) -> None:
    (folder / RECORD_FILE).write_text(json.dumps(fields_of(folder) | fields))


def test_round_trip(record: Record, folder: Path) -> None:
    for path in (folder, folder / RECORD_FILE):
        found = read_record(path)
        assert found.model_dump(exclude={"rows_sha256"}) == record.model_dump(exclude={"rows_sha256"})
        assert len(found.rows_sha256) == 64
        pd.testing.assert_frame_equal(found.rows, record.rows)
        assert len(found.rows) == 12 * 2 * 2
    assert sorted(path.name for path in folder.iterdir()) == [RECORD_FILE, ROWS_FILE]


def test_a_record_follows_from_its_rows(record: Record) -> None:
    """Every number of every cell can be recomputed."""
    for cell in record.results:
        rows = record.rows[record.rows["eps"] == cell.eps]
        per_attack = rows[rows["attack"] == cell.attack]
        if cell.attack == "worst case":
            assert cell.robust.value == rows.groupby("sample")["robust"].min().mean()
        else:
            assert cell.robust.value == per_attack["robust"].mean()
            assert cell.noise.value == per_attack["noise_1"].mean()
        assert cell.clean.value == pytest.approx(10 / 12)


def test_rows_are_needed(record: Record) -> None:
    with pytest.raises(RecordError, match="carries no rows"):
        _ = Record.model_validate(record.model_dump()).rows


def test_a_newer_record_is_refused(folder: Path) -> None:
    changed(folder, schema_version=module.SCHEMA_VERSION + 1)
    with pytest.raises(RecordError, match="Update the program"):
        read_record(folder)


def as_in_schema_3(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record of a model that decides, as the suite wrote them before tasks had types of their own."""
    younger = ("results", "machines", "computed_on")
    return {name: value for name, value in fields.items() if name not in younger} | {
        "schema_version": 3,
        "cells": fields["results"],
        "shifts": [],
    }


def test_the_third_schema_had_a_list_for_each_task(folder: Path, record: Record) -> None:
    path = folder / RECORD_FILE
    path.write_text(json.dumps(as_in_schema_3(fields_of(folder))))
    assert read_record(folder).results == record.results


def test_the_fourth_schema_had_no_margins_and_no_verdict_with_remarks(folder: Path, record: Record) -> None:
    fields = fields_of(folder)
    rows = pd.read_parquet(folder / ROWS_FILE).drop(columns=["margin"])
    rows.to_parquet(folder / ROWS_FILE, index=False)
    fields |= {"schema_version": 4, "rows_sha256": sha256_file(folder / ROWS_FILE)}
    (folder / RECORD_FILE).write_text(json.dumps(fields))
    found = read_record(folder)
    assert found.schema_version == module.SCHEMA_VERSION and found.results == record.results
    assert "margin" not in found.rows and len(found.rows) == len(record.rows)


def test_older_records_are_migrated_step_by_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def migration(to: int) -> Any:
        def migrate(fields: dict[str, Any]) -> dict[str, Any]:
            steps.append(to)
            fields = fields | {"schema_version": to}
            return fields | {"seed": fields.pop("number")} if to == 2 else fields

        return migrate

    old = as_in_schema_3(fields_of(folder))
    old["number"] = old.pop("seed") + 5
    old["schema_version"] = 1
    (folder / RECORD_FILE).write_text(json.dumps(old))
    with pytest.raises(RecordError, match="not a valid record"):
        read_record(folder)
    monkeypatch.setattr(module, "MIGRATIONS", module.MIGRATIONS | {1: migration(2), 2: migration(3)})
    found = read_record(folder)
    assert steps == [2, 3]
    assert (found.schema_version, found.seed) == (module.SCHEMA_VERSION, 5)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", "\udcff", *(f'{{"schema_version": {v}}}' for v in ('"x"', "0", "1", "Infinity", "null"))],
)
def test_damaged(folder: Path, text: str) -> None:
    (folder / RECORD_FILE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RecordError) as caught:
        read_record(folder)
    assert "\n" not in str(caught.value)


def test_a_record_of_the_first_schema_still_reads(folder: Path) -> None:
    fields = as_in_schema_3(fields_of(folder))
    del fields["task"], fields["shifts"]
    rows = pd.read_parquet(folder / ROWS_FILE).drop(columns=["selection", "stage", "zero_gradients"], errors="ignore")
    rows.to_parquet(folder / ROWS_FILE, index=False)
    fields |= {"schema_version": 1, "rows_sha256": sha256_file(folder / ROWS_FILE)}
    (folder / RECORD_FILE).write_text(json.dumps(fields))
    found = read_record(folder)
    assert found.schema_version == module.SCHEMA_VERSION
    assert (found.rows["selection"] == found.rows["robust"]).all()
    assert (found.rows["stage"] == "").all() and (found.rows["zero_gradients"] == 0).all()


def test_cut_anywhere(folder: Path) -> None:
    whole = (folder / RECORD_FILE).read_bytes()
    for cut in range(0, len(whole) - 2, 97):
        (folder / RECORD_FILE).write_bytes(whole[:cut])
        with pytest.raises(RecordError):
            read_record(folder)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
def test_damaged_rows_whose_hash_is_right(folder: Path, part: float) -> None:
    """The hash says that the file is the one that was named, not that it can be read."""
    path = folder / ROWS_FILE
    content = bytearray(path.read_bytes())
    start = int(part * len(content))
    content[start : start + 64] = bytes(byte ^ 0x5A for byte in content[start : start + 64])
    path.write_bytes(content)
    fields = fields_of(folder) | {"rows_sha256": sha256_file(path)}
    (folder / RECORD_FILE).write_text(json.dumps(fields))
    with contextlib.suppress(RecordError):  # no other error; some bytes of a file do not matter
        read_record(folder)


def test_rows_that_are_no_parquet_file(folder: Path) -> None:
    (folder / ROWS_FILE).write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    fields = fields_of(folder) | {"rows_sha256": sha256_file(folder / ROWS_FILE)}
    (folder / RECORD_FILE).write_text(json.dumps(fields))
    with pytest.raises(RecordError, match="damaged"):
        read_record(folder)


def test_a_record_nested_without_end(folder: Path) -> None:
    (folder / RECORD_FILE).write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(RecordError, match="damaged"):
        read_record(folder)


def test_nowhere(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "missing", tmp_path / "file", tmp_path):
        with pytest.raises(RecordError):
            read_record(path)


def test_rows_of_another_record(folder: Path) -> None:
    rows = folder / ROWS_FILE
    content = rows.read_bytes()
    rows.write_bytes(content[:-1])
    with pytest.raises(RecordError, match="is not the file its record names"):
        read_record(folder)
    rows.unlink()
    with pytest.raises(RecordError, match="is missing"):
        read_record(folder)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_no_nan(record: Record, bad: float) -> None:
    with pytest.raises(ValidationError):
        Interval(value=bad, low=0, high=1, n=1)
    with pytest.raises(ValidationError):
        Cell.model_validate(record.results[0].model_dump() | {"forwards": bad})
    with pytest.raises(ValidationError):
        Record.model_validate(record.model_dump() | {"seconds": bad})


def test_unknown_fields_are_refused(folder: Path) -> None:
    changed(folder, surprise=1)
    with pytest.raises(RecordError, match="not a valid record"):
        read_record(folder)


def test_the_hash_in_the_text_is_that_of_the_archive(record: Record, folder: Path) -> None:
    path = folder / RECORD_FILE
    content, was_sealed = unsealed(path.read_text(), path)
    assert was_sealed and json.loads(path.read_text())["record_sha256"] == sha256_bytes(record_text(content))
    assert json.loads(content) == fields_of(folder)
    assert UNSEALED not in read_record(folder).remarks


def test_any_flipped_bit_is_found(folder: Path) -> None:
    """Of the record at every byte of its head and its end and every 37th between, of the rows at every 97th."""
    record, rows = folder / RECORD_FILE, folder / ROWS_FILE
    length = record.stat().st_size
    places = [(record, at) for at in (*range(60), *range(60, length - 120, 37), *range(length - 120, length))]
    places += [(rows, at) for at in range(0, rows.stat().st_size, 97)]
    for number, (path, at) in enumerate(places):
        whole = path.read_bytes()
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << number % 8)]) + whole[at + 1 :])
        with pytest.raises(RecordError):
            read_record(folder)
        path.write_bytes(whole)
    assert read_record(folder).remarks == []


def test_a_record_without_a_hash_is_read_and_said_to_be_unchecked(record: Record, folder: Path) -> None:
    changed(folder)
    unchecked = read_record(folder)
    assert unchecked.remarks == [*record.remarks, UNSEALED]
    pd.testing.assert_frame_equal(unchecked.rows, record.rows)


def test_a_failed_write_keeps_the_old_record(record: Record, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", refuse)
        with pytest.raises(StorageError, match="is full"):
            write_record(record, folder)
    assert read_record(folder).identity == record.identity


def test_compare(record: Record, folder: Path, tmp_path: Path) -> None:
    same = bench.compare(folder, record)
    assert {one.what for one in same} == {"clean", "noise", "fgsm", "uniform"}
    assert all(one.difference.value == 0 and one.difference.p == 1 for one in same)
    stronger = Linear()
    stronger.read.weight.data[0] += 0.3
    other = bench.evaluate(stronger, attack="fgsm", eps="0.3", data=labelled(Linear(), 12, wrong=2))
    found = {(one.what, one.eps_text): one for one in bench.compare(record, other)}
    assert set(found) == {("clean", ""), ("noise", "0.3"), ("fgsm", "0.3")}
    ours, theirs = (r.rows[(r.rows.attack == "fgsm") & (r.rows.eps == 0.3)]["robust"].mean() for r in (record, other))
    assert found["fgsm", "0.3"].difference.value == pytest.approx(ours - theirs)


def test_records_that_cannot_be_compared(record: Record, tmp_path: Path) -> None:
    model = Linear()
    data = labelled(model, 12, wrong=2)
    for other, said in (
        (bench.evaluate(model, attack="fgsm", eps="0.05", norm="l2", data=data), "same data and norm"),
        (bench.evaluate(model, attack="rfgsm", eps="0.05", data=data), "share no attack"),
        (bench.evaluate(model, attack="fgsm", eps="0.05", data=labelled(model, 12)), "disagree about labels"),
    ):
        with pytest.raises(RecordError, match=said):
            bench.compare(record, other)
    with pytest.raises(BenchError):
        bench.compare(record, tmp_path / "nothing")

"""Many records in two files: each comes back as it was, a change to any is found, and no killed writer spoils them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.tiny import Linear, labelled

import bench
from bench.evaluation.records import rows_file
from bench.evaluation.records.archive import RECORDS_FILE, Archive, Line, record_text
from bench.evaluation.records.rows_file import ROWS_FILE, read_rows, rows_sha256, write_rows
from bench.evaluation.records.storage import RECORD_FILE, read_record, unsealed, write_record
from bench.foundation.errors import BenchError, RecordError, UnknownNameError
from bench.foundation.files import locked, sha256_bytes
from bench.tasks.record import Record

NAMES = ("b@1", "a@2", "c@10")


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    """Three records under three names."""
    model = Linear()
    return {
        name: bench.evaluate(model, attack="fgsm", eps=f"0.{number}", data=labelled(model, 12, wrong=2))
        for number, name in enumerate(NAMES, 1)
    }


@pytest.fixture
def archive(records: dict[str, Record], tmp_path: Path) -> Archive:
    """All of them in one folder."""
    made = Archive(tmp_path / "kept")
    made.add(records)
    return made


def same(first: Record, second: Record) -> bool:
    pd.testing.assert_frame_equal(first.rows, second.rows)
    return first.model_dump() == second.model_dump()


# --- the whole ---


def test_what_is_put_in_comes_out(archive: Archive, records: dict[str, Record]) -> None:
    assert sorted(path.name for path in archive.folder.iterdir()) == [RECORDS_FILE, ROWS_FILE]
    assert list(archive.lines()) == sorted(NAMES)
    for name, record in records.items():
        assert same(archive.read(name), record)
        assert same(bench.read_record(archive.folder / name), record)


def test_order_does_not_matter(archive: Archive, records: dict[str, Record], tmp_path: Path) -> None:
    other = Archive(tmp_path / "other")
    for name in sorted(records):
        other.add({name: records[name]})
    for file in (RECORDS_FILE, ROWS_FILE):
        assert (other.folder / file).read_bytes() == (archive.folder / file).read_bytes()


def test_one_more_is_one_more_line(archive: Archive, records: dict[str, Record]) -> None:
    before = archive.path.read_text().splitlines()
    archive.add({"b@2": records["b@1"]})
    after = archive.path.read_text().splitlines()
    assert [line for line in after if line in before] == before
    assert len(after) == len(before) + 1
    assert json.loads(after[2])["record"] == json.loads(before[1])["record"]


def test_the_hash_of_a_record_is_that_of_its_file(archive: Archive, records: dict[str, Record], tmp_path: Path) -> None:
    """A record that was evaluated into a folder keeps its hash when it is put beside others."""
    written = write_record(records["b@1"], tmp_path / "one")
    archive.add({"d@1": written})
    line = archive.lines()["d@1"]
    path = tmp_path / "one" / RECORD_FILE
    content, _ = unsealed(path.read_text(), path)
    assert line.record_sha256 == sha256_bytes(content.encode()) == json.loads(path.read_text())["record_sha256"]
    assert record_text(line.record) == content.encode()


def test_names_are_taken_once(archive: Archive, records: dict[str, Record]) -> None:
    before = archive.path.read_bytes()
    with pytest.raises(RecordError, match="already"):
        archive.add({"d@1": records["b@1"], "b@1": records["b@1"]})
    assert archive.path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a\\b", "a/b", "a\n"])
def test_bad_names_are_refused(archive: Archive, records: dict[str, Record], name: str) -> None:
    with pytest.raises(RecordError, match="cannot be the name"):
        archive.add({name: records["b@1"]})


def test_names_may_have_any_letters(archive: Archive, records: dict[str, Record]) -> None:
    archive.add({"mödel-0": records["b@1"]})
    assert same(archive.read("mödel-0"), records["b@1"])


def test_some_are_dropped(archive: Archive, records: dict[str, Record]) -> None:
    archive.keep_only(["a@2", "unknown"])
    assert list(archive.lines()) == ["a@2"]
    assert archive.strays() == []
    assert same(archive.read("a@2"), records["a@2"])
    archive.keep_only([])
    assert Archive(archive.folder).lines() == {}


def test_unknown_names(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"b@1"):
        archive.read("b@2")
    with pytest.raises(UnknownNameError, match=r"b@1"):
        read_record(archive.folder / "b@2")
    with pytest.raises(RecordError, match="no readable record"):
        read_record(tmp_path / "nowhere" / "b@2")
    with pytest.raises(UnknownNameError):
        Archive(tmp_path / "nowhere").read("b@1")


# --- damage ---


def test_every_flipped_byte_is_found(archive: Archive, records: dict[str, Record]) -> None:
    """Of the text every byte counts. Of the rows those that are read: beside them a parquet file says who wrote it."""
    content = archive.path.read_bytes()
    for place in random.Random(0).sample(range(len(content)), 60):
        archive.path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BenchError):
            [archive.read(name) for name in NAMES]
    archive.path.write_bytes(content)
    rows = archive.folder / ROWS_FILE
    content = rows.read_bytes()
    for place in random.Random(1).sample(range(len(content)), 60):
        rows.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            assert all(same(archive.read(name), records[name]) for name in NAMES)
        except RecordError:
            continue


def test_damage_in_the_footer_of_rows_is_an_error_of_ours(archive: Archive) -> None:
    """Statistics there that cannot be decoded made pyarrow abort, and others ended in tracebacks."""
    rows = archive.folder / ROWS_FILE
    content = rows.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    dice = random.Random(2)
    for place in dice.choices(range(footer, len(content)), k=400):
        flipped = content[place] ^ (1 << dice.randrange(8))
        rows.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        for names in ((), NAMES[:1]):
            with contextlib.suppress(RecordError):
                read_rows(rows, *names)


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_cut_files_are_found(archive: Archive, cut: int) -> None:
    rows = archive.folder / ROWS_FILE
    rows.write_bytes(rows.read_bytes()[:cut])
    with pytest.raises(RecordError):
        archive.read("a@2")
    if cut:
        archive.path.write_bytes(archive.path.read_bytes()[:cut])
        with pytest.raises(RecordError):
            archive.lines()


def test_damage_is_not_carried_on(archive: Archive, records: dict[str, Record]) -> None:
    rows = read_rows(archive.folder / ROWS_FILE)
    rows["a@2"].loc[0, "robust"] = 1 - rows["a@2"].loc[0, "robust"]
    write_rows(archive.folder / ROWS_FILE, rows)
    with pytest.raises(RecordError, match=r"rows of a@2"):
        archive.read("a@2")
    before = (archive.folder / ROWS_FILE).read_bytes()
    with pytest.raises(RecordError, match=r"a@2"):
        archive.add({"d@1": records["b@1"]})
    assert (archive.folder / ROWS_FILE).read_bytes() == before
    assert same(archive.read("b@1"), records["b@1"])  # the others stay readable


def test_a_line_that_stands_there_twice(archive: Archive) -> None:
    text = archive.path.read_text()
    archive.path.write_text(text + text.splitlines(keepends=True)[0])
    with pytest.raises(RecordError, match="twice"):
        archive.lines()


def test_killed_at_random_moments(archive: Archive, records: dict[str, Record]) -> None:
    """Whatever is there is whole, and the next writer drops what was begun."""
    chance, added = random.Random(0), 0
    for number in range(30):
        child = os.fork()
        if not child:
            for version in range(1, 1000):
                with locked(archive.folder):
                    archive.add({f"victim{number}@{version}": records["b@1"]})
            os._exit(0)
        time.sleep(chance.uniform(0.0, 0.2 + 0.1 * number))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        names = [name for name in archive.lines() if name not in NAMES]
        assert all(same(archive.read(name), records["b@1"]) for name in names)
        added += len(names)
        archive.keep_only(NAMES)
        assert archive.strays() == []
        if added and number > 4:
            break
    assert added


# --- rows ---


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"sample": np.arange(3), **columns})


FRAMES = {
    "a": frame(x=[0.1, -0.0, np.nan], text=["ä", None, "b"], flag=[True, False, True]),
    "b": frame(x=[1e-300, np.inf, 2.0], text=["c", "c", "c"], flag=[False] * 3),
}


def test_rows_come_back_bit_by_bit(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows", FRAMES)
    for name, rows in read_rows(tmp_path / "rows").items():
        pd.testing.assert_frame_equal(rows, FRAMES[name], check_dtype=True)
        assert rows_sha256(rows) == rows_sha256(FRAMES[name])
        assert np.signbit(rows["x"]).tolist() == np.signbit(FRAMES[name]["x"]).tolist()


def test_columns_may_differ(tmp_path: Path) -> None:
    frames = FRAMES | {"c": frame(later=["x", "y", "z"]), "d": frame(text=[None, None, None])}
    write_rows(tmp_path / "rows", frames)
    for name in frames:
        (rows,) = read_rows(tmp_path / "rows", name).values()
        assert list(rows.columns) == list(frames[name].columns)
        assert rows_sha256(rows) == rows_sha256(frames[name])


def test_kinds_may_not_differ(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="do not fit together"):
        write_rows(tmp_path / "rows", FRAMES | {"c": frame(x=["a", "b", "c"])})


def test_the_hash_is_of_the_values() -> None:
    rows = FRAMES["a"]
    digest = "6cac9af5e610a7ab1bf69cd39e3f978ab0dec20b3c28400fe54a4d50dfc95378"
    assert rows_sha256(rows) == digest  # a change of the definition would orphan every archive
    assert rows_sha256(rows[["text", "flag", "x", "sample"]]) == rows_sha256(rows)
    assert rows_sha256(rows.assign(text=["ä", np.nan, "b"])) == rows_sha256(rows)
    changed = [
        rows.assign(x=[0.1, 0.0, np.nan]),
        rows.assign(x=[np.nextafter(0.1, 1), -0.0, np.nan]),
        rows.assign(text=["ä", "None", "b"]),
        rows.assign(flag=[1, 0, 1]),
        rows.assign(sample=[0.0, 1.0, 2.0]),
        rows.iloc[::-1],
        rows.iloc[:2],
        rows.rename(columns={"x": "y"}),
        rows.drop(columns="x"),
    ]
    assert len({rows_sha256(one) for one in (rows, *changed)}) == len(changed) + 1


def test_groups_hold_whole_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_file, "GROUP_ROWS", 7)
    frames = {name: frame() for name in "abcde"} | {"f": pd.concat([frame()] * 4, ignore_index=True), "g": frame()}
    write_rows(tmp_path / "rows", frames)
    metadata = pq.read_metadata(tmp_path / "rows")
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [6, 6, 3, 12, 3]
    for name in frames:
        assert list(read_rows(tmp_path / "rows", name)) == [name]
        pd.testing.assert_frame_equal(read_rows(tmp_path / "rows", name)[name], frames[name])
    assert list(read_rows(tmp_path / "rows")) == list(frames)


def test_only_the_groups_of_an_entry_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_file, "GROUP_ROWS", 6)
    write_rows(tmp_path / "rows", {name: frame() for name in "abcdef"})
    read: list[int] = []
    whole = pq.ParquetFile.read_row_group

    def counted(file: pq.ParquetFile, number: int, columns: list[str] | None = None) -> object:
        if columns is None:
            read.append(number)
        return whole(file, number, columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    read_rows(tmp_path / "rows", "c")
    assert read == [1]


def test_an_empty_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows", {})
    assert read_rows(tmp_path / "rows") == {}
    assert read_rows(tmp_path / "rows", "a") == {}


def test_lines_are_what_json_says(records: dict[str, Record]) -> None:
    record = records["b@1"]
    line = Line.of("b@1", record.model_dump_json(indent=1), record.rows)
    assert json.loads(line.text()) == {
        "name": "b@1",
        "record_sha256": line.record_sha256,
        "rows_sha256": rows_sha256(record.rows),
        "record": json.loads(record.model_dump_json()),
    }

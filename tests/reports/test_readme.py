"""The README and the documentation show what the shipped records say, and the records say what the shipped models do."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import bench
from bench.boards.store import open_board
from bench.evaluation.records.archive import Archive
from bench.foundation.errors import RecordError
from bench.tasks.classification.task import TASK
from reports import pictures, readme, strength


def test_the_tables_of_the_pages_are_the_tables_of_the_records() -> None:
    pages = readme.rewritten()
    named = {"README.md", "zoo.md", "papers.md", "quality.md", "events.md", "spike-cameras.md"}
    assert {page.name for page in pages} == named
    for page, text in pages.items():
        assert page.read_text(encoding="utf-8") == text


def test_what_the_readme_links_to_is_there() -> None:
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert len(links) > 20
    assert not [link for link in links if not (readme.ROOT / link.partition("#")[0]).is_file()]


def test_the_readme_is_short_and_has_the_table_of_speed_with_its_command() -> None:
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    before, _, table = text.partition("\n## Speed\n")
    assert "`make speed`" in table and table.count("\n|") > 8


def test_the_picture_is_of_the_newest_board_and_of_the_models_of_the_table() -> None:
    assert [record.model.ref for record in readme.shown_entries()] == [f"zoo:{name}" for name in readme.MODELS]
    assert (readme.DRAWN / "accuracy.svg").stat().st_size < 100_000


def test_text_around_a_table_stays() -> None:
    start, end = "<!-- table models: make report -->", "<!-- end of table models -->"
    assert readme.spliced(f"a\n{start}\nold\n{end}\nb\n", {"models": "new"}) == f"a\n{start}\nnew\n{end}\nb\n"
    with pytest.raises(RecordError, match="markers"):
        readme.spliced("no table", {"models": "new"})


def test_standard_is_at_least_as_strong_as_everything_else_on_every_spiking_model() -> None:
    table = pd.read_csv(strength.WHERE / "table.csv").set_index("model")
    assert sorted(table.index) == sorted(strength.subjects())
    values = table.drop(columns=["n", "set", "standard is strongest"])
    assert (values["standard"] == values.min(axis=1)).all()
    assert table["standard is strongest"].all()


def test_the_table_of_pictures_is_that_of_the_board_and_of_its_records() -> None:
    table = pd.read_csv(pictures.WHERE / "table.csv").set_index("model")
    board = open_board(pictures.BOARD, pictures.BOARDS)
    entries = {entry.record.model.ref: entry.record for entry in pictures.subjects(board)}
    archive = Archive(pictures.WHERE)
    records = {record.model.ref: record for record in map(archive.read, archive.lines())}
    assert set(table.index) == set(entries) == set(records)
    for name, record in records.items():
        assert record.settings["eight_bit"] and record.evaluator_version == TASK.evaluator_version
        assert record.attacks[0].stages == entries[name].attacks[0].stages
        assert record.model.fingerprint == entries[name].model.fingerprint
        assert record.results[0].robust.value == record.results[0].robust_8bit.value == table["searched"][name]
        rows = entries[name].rows
        real = rows[rows["eps_text"] == pictures.RADIUS].set_index("sample")
        assert len(record.rows) == table["n"][name] == pictures.SAMPLES
        assert real["robust"].loc[record.rows["sample"]].mean() == pytest.approx(table["real"][name])


@pytest.mark.own_seed
@pytest.mark.parametrize("name", ["ann_at", "snn_gsr"])
def test_a_fresh_evaluation_repeats_the_rows_of_the_kept_record(name: str) -> None:
    kept = next(record for record in readme.models() if record.model.ref == f"zoo:{name}")
    again = bench.evaluate(f"zoo:{name}", attack=readme.ATTACKS[0], eps="8/255", n=40)
    assert again.model.fingerprint == kept.model.fingerprint
    merged = again.rows.merge(kept.rows, on=["sample", "attack", "eps"], suffixes=("", "_kept"))
    assert len(merged) == 40
    # Rounding differs between machines, so a rare decision may; most may not.
    for column in ("clean_pred", "noise_1", "robust"):
        assert (merged[column] == merged[f"{column}_kept"]).mean() >= 0.95

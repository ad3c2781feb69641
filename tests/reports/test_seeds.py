"""The table of training seeds: which networks it compares, and how far they lie apart."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.evaluation.records.archive import Archive
from reports.seeds import WHERE, deviations, markdown, recipes, row, spreads, written
from zoo.card import card

TABLE = pd.DataFrame(
    {
        "recipe": ["snn_at"] * 3 + ["snn_vanilla"] * 3,
        "seed": [0, 1, 2] * 2,
        "clean": [74.0, 75.0, 76.0, 81.0, 80.0, 82.0],
        "attacked": [18.0, 21.0, 20.0, 0.0, 1.0, 0.5],
    }
)


def test_each_recipe_has_its_replicas() -> None:
    assert {"snn_vanilla", "snn_at", "snn_gsr", "snn_gsr_at", "snn_trades", "snn_mppd_at"} <= set(recipes())
    for recipe, others in recipes().items():
        assert [card(name).training.seed for name in (recipe, *others)] == list(range(len(others) + 1))


def test_spreads_are_those_of_the_seeds_and_the_best_comes_first() -> None:
    found = spreads(TABLE)
    assert list(found.index) == ["snn_at", "snn_vanilla"]
    assert tuple(found.loc["snn_at", "attacked"]) == pytest.approx((19.7, 18.0, 21.0))


def test_deviations_are_pooled_over_recipes() -> None:
    """Clean: variances 1 and 1. Attacked: (1.67^2 + 1.33^2 + 0.33^2) / 2 and 0.25."""
    pooled = deviations(TABLE)
    assert pooled["clean"] == pytest.approx(1.0)
    assert pooled["attacked"] == pytest.approx(((7 / 3 + 0.25) / 2) ** 0.5)


def test_a_page_shows_mean_and_range() -> None:
    lines = markdown(TABLE).splitlines()
    assert "| `snn_at` | 75.0 | 74.0 to 76.0 | 19.7 | 18.0 to 21.0 |" in lines
    assert lines[-1] == "| standard deviation, pooled | 1.0 | | 1.1 | |"


def test_the_written_table_is_that_of_its_records_and_of_the_shipped_weights() -> None:
    archive, table = Archive(WHERE), written()
    records = {record.model.ref: record for record in map(archive.read, archive.lines())}
    names = [(recipe, name) for recipe, others in recipes().items() for name in (recipe, *others)]
    assert set(records) == {f"zoo:{name}" for _, name in names}
    assert [row(recipe, name, records[f"zoo:{name}"]) for recipe, name in names] == table.to_dict("records")

"""The README shows what the shipped records say, and the records say what the shipped models do."""

from __future__ import annotations

import pytest

import bench
from bench.errors import RecordError
from reports import readme
from reports.tables import robustness_table


def test_the_table_in_the_readme_is_the_table_of_the_records() -> None:
    text = (readme.ROOT / "README.md").read_text()
    assert readme.spliced(text, robustness_table(readme.stored(), readme.SHOWN)) == text


def test_text_around_the_table_stays() -> None:
    before = f"a\n{readme.START}\nold\n{readme.END}\nb\n"
    assert readme.spliced(before, "new") == f"a\n{readme.START}\nnew\n{readme.END}\nb\n"
    with pytest.raises(RecordError, match="markers"):
        readme.spliced("no table", "new")


@pytest.mark.parametrize("name", ["ann_at", "snn_gsr"])
def test_a_fresh_evaluation_repeats_the_rows_of_the_kept_record(name: str) -> None:
    kept = {record.model.ref: record for record in readme.stored()}[f"zoo:{name}"]
    again = bench.evaluate(f"zoo:{name}", attack=readme.ATTACK, eps="8/255", n=40)
    assert again.model.fingerprint == kept.model.fingerprint
    merged = again.rows.merge(kept.rows, on=["sample", "attack", "eps"], suffixes=("", "_kept"))
    assert len(merged) == 40
    # Rounding differs between machines, so a rare decision may; most may not.
    for column in ("clean_pred", "noise_1", "robust"):
        assert (merged[column] == merged[f"{column}_kept"]).mean() >= 0.95

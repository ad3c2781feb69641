"""The page of the documentation shows the tables that are kept, and these follow from the measured unit times."""

from __future__ import annotations

import pandas as pd

from reports.scaling import page


def test_the_page_shows_the_tables_that_are_kept() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page_with_tables(text) == text


def test_the_table_of_clusters_follows_from_the_measured_units() -> None:
    kept = pd.read_csv(page.CLUSTERS)
    pd.testing.assert_frame_equal(page.simulated(), kept)
    assert kept["makespan"].is_monotonic_decreasing and kept["speed_up"].is_monotonic_increasing
    assert (kept["speed_up"] <= kept["workers"]).all() and (kept["makespan"] >= kept["critical_path"]).all()

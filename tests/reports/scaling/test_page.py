"""The page of the documentation shows the tables that are kept, and these follow from the measured unit times."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.scaling import __main__ as program
from reports.scaling import page


def test_the_page_shows_the_tables_that_are_kept() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page_with_tables(text) == text


def test_the_table_of_clusters_follows_from_the_measured_units() -> None:
    kept = pd.read_csv(page.CLUSTERS)
    pd.testing.assert_frame_equal(page.simulated(), kept)
    assert kept["makespan"].is_monotonic_decreasing and kept["speed_up"].is_monotonic_increasing
    assert (kept["speed_up"] <= kept["workers"]).all() and (kept["makespan"] >= kept["critical_path"]).all()


def test_the_program_writes_what_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With measurements of its own in place of those of minutes."""
    kept, before = pd.read_csv(page.CLUSTERS), page.PAGE.read_text(encoding="utf-8")
    for name in ("UNITS", "CLUSTERS", "MEASURED", "PAGE"):
        monkeypatch.setattr(page, name, tmp_path / Path(getattr(page, name)).name)
    page.PAGE.write_text(before, encoding="utf-8")
    unit = {"unit": "clean/0", "samples": 250, "cpu_seconds": 1.5, "machine": "a machine"}
    runs = {"attack": "pgd", "eps": "8/255", "n": 20, "cpu_seconds": 41.0, "machine": "a machine"}
    pair = [runs | {"workers": 1, "wall_seconds": 40.0}, runs | {"workers": 2, "wall_seconds": 25.0}]
    monkeypatch.setattr(program.unit_times, "measured", lambda request, shards: iter([unit]))
    monkeypatch.setattr(program.workers, "measured", lambda jobs, counts, repeats: iter(pair))
    monkeypatch.setattr(page, "simulated", lambda: kept)
    assert program.main(["--units", "1", "--workers", "20"]) == 0
    assert pd.read_csv(page.UNITS).to_dict("records") == [unit]
    assert "| `pgd` at 8/255 | 20 | 2 | 25.0 | 41.0 | 1.60 |" in page.PAGE.read_text(encoding="utf-8")
    assert "clean/0: 250 samples, 1.5 s" in capsys.readouterr().out

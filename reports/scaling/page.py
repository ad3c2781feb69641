"""Where the measurements lie, and the page of the documentation that shows them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text
from reports.scaling import clusters, workers
from reports.scaling.unit_times import as_if_of, read_times, the_request, times_of
from reports.splicing import spliced

ROOT = Path(__file__).resolve().parents[2]
WHERE = ROOT / "leaderboards" / "scaling"
UNITS, CLUSTERS, MEASURED = WHERE / "units.csv", WHERE / "table.csv", WHERE / "workers.csv"
PAGE = ROOT / "docs" / "cluster.md"


def simulated() -> pd.DataFrame:
    """The table of clusters, computed from the measured unit times. Raises ``RecordError`` if there are none."""
    request = as_if_of(the_request(), clusters.IMAGES)
    return clusters.clusters(request, times_of(request, read_times(UNITS)))


def tables() -> dict[str, str]:
    """The tables of the page, as Markdown, by the names of their places."""
    measured = workers.markdown(pd.read_csv(MEASURED)) if MEASURED.exists() else ""
    return {"clusters": clusters.markdown(pd.read_csv(CLUSTERS)), "workers": measured}


def page_with_tables(text: str) -> str:
    """The page's text with the tables as they are now."""
    return spliced(text, tables(), command="python -m reports.scaling", page="docs/cluster.md")


def write() -> None:
    """Simulate, write the table, and put it into the page."""
    atomic_write_text(CLUSTERS, simulated().to_csv(index=False))
    atomic_write_text(PAGE, page_with_tables(PAGE.read_text(encoding="utf-8")))

"""What the tables of stages on event networks hold, and that texts which quote them say the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.event_stages import TABLES, WHERE
from zoo.spiking import event_filters

ROOT = Path(__file__).parents[2]
ASCENT = "event_ascent:steps=50,objective=margin along training"


def broken(model: str, norm: str, budget: str) -> pd.DataFrame:
    """Which recordings each search breaks, in a stored table."""
    path = ROOT / WHERE / f"{model}_{norm}_{budget.removesuffix('%')}.csv"
    return pd.read_csv(path, index_col="sample").astype(bool)


@pytest.mark.parametrize("model", [model for model, _ in TABLES["filtered"].models])
def test_the_tables_of_filtered_networks_hold_every_candidate(model: str) -> None:
    table = broken(model, "events_l0", "2%")
    assert list(table) == [f"{attack} along {path}" for attack, path in TABLES["filtered"].candidates]
    assert len(table) > 50 and table.index.is_unique


def test_texts_on_filters_quote_the_tables() -> None:
    filtered, quantised, plain = (
        broken(name, "events_l0", "2%") for name in ("snn_ev_filter", "snn_ev_aqf", "snn_ev_vanilla")
    )
    left = [
        [int((~table[f"{ASCENT}{coding}"]).sum()) for coding in ("", ":coding=straight_through", ":coding=masked")]
        for table in (filtered, quantised)
    ]
    (smooth, straight, masked), (aqf_smooth, aqf_straight, aqf_masked) = left
    page = " ".join((ROOT / "docs/events.md").read_text().split())
    assert (
        f"Of {len(filtered)} validation recordings that `snn_ev_filter` decides rightly, an ascent with 2% of the events "
        f"leaves {smooth} right along the first, {straight} along the second and {masked} along the third; "
        f"of {len(quantised)} of `snn_ev_aqf` it leaves {aqf_smooth}, {aqf_straight} and {aqf_masked}, and "
        f"of {len(plain)} of `snn_ev_vanilla`, which has no filter, {int((~plain[ASCENT]).sum())}." in page
    )
    near, anywhere = (int((~filtered[f"flip_search:queries=500{more} along training"]).sum()) for more in (",near=0.8", ""))
    drawn = f"it leaves {near} of the {len(filtered)} recordings of `snn_ev_filter`, and draws anywhere leave {anywhere}."
    assert drawn in page
    words = " ".join((event_filters.__doc__ or "").split())
    assert f"{straight} stand against an ascent with 2% of the events along ``straight_through``" in words
    assert f"{masked} along ``masked`` and {smooth} along ``smooth``" in words
    assert f"of snn_ev_aqf {aqf_straight}, {aqf_masked} and {aqf_smooth} " in words


def test_events_in_company_leave_no_fewer_than_single_ones_on_the_networks_of_the_zoo() -> None:
    """Along the gradient through the filter, as the page on event cameras says."""
    for model, _ in TABLES["filtered"].models:
        table = broken(model, "events_l0", "2%")
        single, company = (table[f"swap_search:steps=50,rounds=20{more} along training"] for more in ("", ",company=3"))
        assert company.sum() <= single.sum()

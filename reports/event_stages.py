"""What each candidate stage breaks of recordings under threats on events, and in which order they gain most.

    python -m reports.event_stages [--n 60] [--only filtered]

For :mod:`attacks.events.standard` what :mod:`reports.stages` is for images: searches run by themselves on simulated
*validation* recordings, and what each breaks is kept sample by sample. Writes ``leaderboards/stages/events/``, a table for
each model and budget and ``gains_*.csv``; what was run before is not run again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text, make_folder
from reports.stages import Candidates, falls, greedy
from reports.trial import Trial

WHERE = Path("leaderboards/stages/events")
PATHS = (
    "training",
    "assg",
    "assg:half=0.42",
    "pdsg",
    "bptt:surrogate=triangle,width=0.5",
    "bptt:surrogate=triangle,width=2",
)
BOTH = (
    *((f"event_ascent:steps={steps}", "training") for steps in (10, 20, 50)),
    *(("event_ascent:steps=50,objective=margin", path) for path in PATHS),
    ("event_ascent:steps=50,objective=margin,restarts=4", "training"),
)
FLIPS: Candidates = (
    ("topk", "training"),
    *BOTH,
    ("event_ascent:steps=50,objective=margin", "bptr"),
    ("ternary:steps=50", "training"),
    ("spikefool", "training"),
    ("sda", "training"),
    ("sda", "pdsg"),
    ("flip_search:queries=500", "training"),
    ("swap_search:steps=50,rounds=20", "training"),
    ("swap_search:steps=50,rounds=20", "pdsg"),
)
MOVES: Candidates = (("topk", "training"), *BOTH, ("retiming:steps=20", "training"), ("retiming:steps=20", "pdsg"))
"""(attack, path) specs that add and remove events, and that move them in time."""
CODINGS = ("training", "training:coding=straight_through", "training:coding=masked")
FILTERED: Candidates = (
    ("topk", "training"),
    ("event_ascent:steps=10", "training"),
    ("event_ascent:steps=50", "training"),
    *(("event_ascent:steps=50,objective=margin", path) for path in CODINGS),
    ("event_ascent:steps=50,objective=margin,restarts=4", "training"),
    ("sda", "training"),
    ("flip_search:queries=500", "training"),
    ("flip_search:queries=500,near=0.8", "training"),
    *(("swap_search:steps=50,rounds=20", path) for path in CODINGS),
    *(("swap_search:steps=50,rounds=20,company=3", path) for path in CODINGS[:2]),
)
"""For networks behind a filter of events: how it is differentiated, events in company, and draws near events."""


@dataclass(frozen=True)
class Table:
    """One table of gains.

    norm: a threat. models: with budgets at which a few steps break some samples but not all.
    """

    norm: str
    candidates: Candidates
    models: tuple[tuple[str, str], ...]


TABLES = {
    "events_l0": Table("events_l0", FLIPS, (("snn_ev_vanilla", "2%"), ("snn_ev_gsr", "2%"), ("snn_ev_at", "4%"))),
    "retime": Table("retime", MOVES, (("snn_ev_vanilla", "2%"), ("snn_ev_gsr", "2%"), ("snn_ev_at", "4%"))),
    "filtered": Table("events_l0", FILTERED, (("snn_ev_filter", "2%"), ("snn_ev_aqf", "2%"))),
}


def main() -> None:
    """Run all candidates on all models of some tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=60, help="validation recordings")
    options.add_argument("--only", choices=TABLES, action="append", help="a table; all by default")
    given = options.parse_args()
    make_folder(WHERE)
    for name in given.only or TABLES:
        write_table(name, given.n)


def write_table(name: str, n: int) -> None:
    """Run what is not known yet on the first n validation recordings, and write the table of gains ``name``."""
    table, fallen = TABLES[name], {}
    for model, budget in table.models:
        stored = WHERE / f"{model}_{table.norm}_{budget.removesuffix('%')}.csv"
        known = pd.read_csv(stored, index_col="sample").astype(bool) if stored.exists() else pd.DataFrame()
        fallen[model, budget] = falls(Trial.of(model, budget, n, norm=table.norm), known, table.candidates)
        atomic_write_text(stored, fallen[model, budget].astype(int).to_csv(index_label="sample"))
    atomic_write_text(WHERE / f"gains_{name}.csv", greedy(fallen, table.candidates).to_csv(index=False))


if __name__ == "__main__":
    main()

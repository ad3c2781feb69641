"""What each candidate stage breaks of recordings under threats on events, and in which order they gain most.

    python -m reports.event_stages [--n 60]

For :mod:`attacks.events.standard` what :mod:`reports.stages` is for images: searches run by themselves on simulated
*validation* recordings, and what each breaks is kept sample by sample. Writes ``leaderboards/stages/events/``, a table for
each model and budget and ``gains_*.csv``; what was run before is not run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from bench.foundation.files import atomic_write_text, make_folder
from reports.stages import Candidates, Trial, falls, greedy

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

ON = {
    "events_l0": (FLIPS, (("snn_ev_vanilla", "2%"), ("snn_ev_gsr", "2%"), ("snn_ev_at", "4%"))),
    "retime": (MOVES, (("snn_ev_vanilla", "2%"), ("snn_ev_gsr", "2%"), ("snn_ev_at", "4%"))),
}
"""Threat to candidates, models and budgets at which a few steps break some samples but not all."""


def main() -> None:
    """Run all candidates on all models."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=60, help="validation recordings")
    n = options.parse_args().n
    make_folder(WHERE)
    for norm, (candidates, models) in ON.items():
        tables = {}
        for name, budget in models:
            stored = WHERE / f"{name}_{norm}_{budget.removesuffix('%')}.csv"
            known = pd.read_csv(stored, index_col="sample").astype(bool) if stored.exists() else pd.DataFrame()
            tables[name, budget] = falls(Trial.of(name, budget, n, norm=norm), known, candidates)
            atomic_write_text(stored, tables[name, budget].astype(int).to_csv(index_label="sample"))
        atomic_write_text(WHERE / f"gains_{norm}.csv", greedy(tables, candidates).to_csv(index=False))


if __name__ == "__main__":
    main()

"""How many samples that ``standard`` leaves standing are still broken by longer or other searches.

    python -m reports.leftovers

``standard`` runs on validation images, and each search below then runs on the images that stand. If few of these fall, the
attack set has converged. Writes ``leaderboards/stages/leftovers.csv``.
"""

from __future__ import annotations

import argparse

import torch

from attacks.base import Stage
from attacks.standard import Standard
from reports.growing import write_growing
from reports.stages import WHERE, Trial

ON = (
    ("snn_cos", "2/255"),
    ("snn_srp", "2/255"),
    ("snn_mppd_at", "4/255"),
    ("snn_at", "2/255"),
    ("snn_trades", "2/255"),
)
"""Two conversions, a stabilised network, and two that were trained on adversarial examples alone."""

SEARCHES = (
    *(("sapgd:steps=400", f"assg:half=0.42,reset={reset}") for reset in ("attached", "detached")),
    *(("sapgd:steps=100,restarts=5", f"assg:half=0.42,reset={reset}") for reset in ("attached", "detached")),
    ("sapgd:steps=200,objective=margin", "assg:half=0.44,reset=attached"),
    ("sapgd:steps=200,objective=margin", "assg:half=0.42,reset=detached"),
    ("sapgd:steps=200", "assg:half=0.4,reset=detached"),
    ("apgd:steps=100,objective=margin", "assg:half=0.44,reset=attached"),
    ("sapgd:steps=100,objective=margin,target=ranked,restarts=9", "assg:half=0.42,reset=detached"),
)
"""(attack, path) specs: together 3,400 forward+backward pairs a sample, where ``standard`` spends 1,320."""


def rows(name: str, radius: str, n: int) -> list[dict[str, object]]:
    """One row per search on this model; ``after all`` counts the images that stand after all searches."""
    trial = Trial.of(name, radius, n)
    standing = (~trial.broken(Stage("standard", Standard()))).nonzero()[:, 0]
    standing_trial = trial.among(standing)
    search_rows, broken_by_any = [], torch.zeros(len(standing), dtype=torch.bool)
    for attack, path in SEARCHES:
        broken = standing_trial.broken(standing_trial.stage(attack, path))
        broken_by_any |= broken
        search_rows.append(
            {
                "model": name,
                "eps": radius,
                "right": len(trial.y),
                "standing": len(standing),
                "search": f"{attack} along {path}",
                "breaks": int(broken.sum()),
            }
        )
    return [row | {"after all": len(standing) - int(broken_by_any.sum())} for row in search_rows]


def main() -> None:
    """Run all searches and write the table, model by model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=150, help="validation images")
    n = options.parse_args().n
    all_rows = (row for name, radius in ON for row in rows(name, radius, n))
    write_growing(WHERE / "leftovers.csv", all_rows, "{model}: {breaks} of {standing} by {search}".format_map)


if __name__ == "__main__":
    main()

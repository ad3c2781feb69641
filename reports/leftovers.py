"""How many samples that ``standard`` leaves standing still fall when three times its budget is spent.

    python -m reports.leftovers
    python -m reports.leftovers --norm l2
    python -m reports.leftovers --attack standard@4

``standard`` runs on validation images, and each search below then runs on the images that stand, from the best point that
``standard`` has reached where it can. If few of these fall, the attack set has converged. Writes
``leaderboards/stages/leftovers.csv``, or ``leftovers_l2.csv``, or ``leftovers_standard_4.csv`` of another version. With
``--model`` the table keeps its rows on other models.
"""

from __future__ import annotations

import argparse

import torch

from bench.evaluation.request.attack_specs import resolve_attack
from reports.growing import rows_of_others, write_growing
from reports.stages import WHERE
from reports.trial import Trial

ON = (
    ("snn_ttfs", "2/255"),
    ("snn_front", "2/255"),
    ("snn_cos", "2/255"),
    ("snn_srp", "2/255"),
    ("snn_mppd_at", "4/255"),
    ("snn_at", "2/255"),
    ("snn_trades", "2/255"),
    ("snn_robust_conversion", "2/255"),
    ("snn_gsr_at", "2/255"),
    ("snn_rat", "2/255"),
    ("snn_mpd_sgr_at", "2/255"),
    ("snn_hosnn_at", "2/255"),
    ("snn_feel_at", "2/255"),
    ("snn_nq", "2/255"),
    ("snn_qcfs", "2/255"),
    ("ann_at", "4/255"),
    ("ann_qcfs", "2/255"),
    ("ann_nq", "2/255"),
)
"""Codes, conversions, stabilised networks, networks that were trained on adversarial examples, and three without spikes, of
which two round their activations."""
ON_L2 = (
    ("snn_ttfs", "0.25"),
    ("snn_srp", "0.25"),
    ("snn_mppd_at", "0.5"),
    ("snn_at", "0.25"),
    ("snn_trades", "0.5"),
    ("ann_at", "0.5"),
    ("ann_qcfs", "0.25"),
)
"""The same in l2, at the two radii of the board."""

SEARCHES = (
    *(("corners:queries=2500", f"assg:half=0.42,reset={reset}") for reset in ("detached", "attached")),
    ("learning_corners:queries=10000", "assg:half=0.44,reset=detached"),
    ("sapgd:steps=400", "assg:half=0.42,reset=detached"),
    ("sapgd:steps=200,objective=margin", "assg:half=0.44,reset=attached"),
    ("sapgd:steps=100,objective=margin,target=ranked,restarts=5", "assg:half=0.42,reset=detached"),
)
"""(attack, path) specs: together 1,100 forward+backward pairs, twice what ``standard`` spends at most, and up to 15,000
further forwards a sample. In l2, APGD takes the place of SA-PGD, as in ``standard``."""


def rows(name: str, radius: str, n: int, *, norm: str = "linf", attack: str = "standard") -> list[dict[str, object]]:
    """One row per search on this model; ``after all`` counts the images that stand after all searches, and ``points`` is by
    how much that is less, in percent of the images that are right. attack: the set whose leftovers these are, and ``set``
    its version.
    """
    trial = Trial.of(name, radius, n, norm=norm)
    standing = trial.after(trial.fitting(attack))
    left = trial.among(standing.rows)
    search_rows: list[dict[str, object]] = []
    broken_by_any = torch.zeros(len(standing.rows), dtype=torch.bool)
    for search, path in SEARCHES:
        stage = left.stage(search.replace("sapgd", "apgd") if norm == "l2" else search, path)
        if stage.attack.misfit_of_threat(left.threat) is not None:
            continue
        broken = left.broken(stage, standing.points)
        broken_by_any |= broken
        search_rows.append(
            {
                "model": name,
                "eps": radius,
                "set": getattr(resolve_attack(attack).attack, "version", None),
                "right": len(trial.y),
                "standing": len(left.y),
                "search": stage.name,
                "breaks": int(broken.sum()),
            }
        )
    fallen = int(broken_by_any.sum())
    summed = {"after all": len(left.y) - fallen, "points": round(100 * fallen / max(len(trial.y), 1), 1)}
    return [row | summed for row in search_rows]


def main() -> None:
    """Run all searches and write the table, model by model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=150, help="validation images")
    options.add_argument("--model", action="append", default=[], help="name and radius, as snn_at:2/255; may be repeated")
    options.add_argument("--norm", choices=("linf", "l2"), default="linf")
    options.add_argument("--attack", default="standard", help="the set whose leftovers are searched, as standard@4")
    given = options.parse_args()
    everywhere = ON if given.norm == "linf" else ON_L2
    on = [(name, radius) for name, _, radius in (text.partition(":") for text in given.model)] or everywhere
    every_row = (row for name, radius in on for row in rows(name, radius, given.n, norm=given.norm, attack=given.attack))
    line = "{model}: {breaks} of {standing} by {search}; {points} points by all".format_map
    table = WHERE / file_name(given.norm, given.attack)
    write_growing(table, every_row, line, rows_of_others(table, on))


def file_name(norm: str, attack: str) -> str:
    """Of the table: ``leftovers.csv`` of ``standard`` in linf, ``leftovers_standard_4_l2.csv`` of ``standard@4`` in l2."""
    of_set = "" if attack == "standard" else f"_{attack.replace('@', '_')}"
    return f"leftovers{of_set}{'' if norm == 'linf' else f'_{norm}'}.csv"


if __name__ == "__main__":
    main()

"""How much each gradient path and search adds: the table from which the stages of ``--attack standard`` were chosen.

    python -m reports.stages

Every candidate runs alone, on validation images that the model classifies correctly. Then they are put in greedy
order: next comes the candidate that breaks most of the standing images per forward+backward pair. Writes
``leaderboards/stages/gains.csv``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from attacks.base import Stage
from bench.evaluation.request.attack_specs import resolve_attack
from bench.foundation.files import atomic_write_text, make_folder
from reports.trial import Trial

WHERE = Path("leaderboards/stages")
ON = (
    ("snn_vanilla", "2/255"),
    ("snn_at", "4/255"),
    ("snn_trades", "4/255"),
    ("snn_rat", "4/255"),
    ("snn_robust_conversion", "4/255"),
    ("snn_gsr", "4/255"),
    ("snn_gsr_at", "8/255"),
    ("snn_cos", "2/255"),
    ("snn_front", "2/255"),
    ("snn_ttfs", "2/255"),
    ("snn_srp", "2/255"),
    ("snn_trades", "2/255"),
)
"""Models and radii at which PGD breaks some samples but not all: plain, defended, converted, and with an input code."""
ASSG = tuple(f"assg:{options}" for options in ("half=0.4", "half=0.42", "half=0.44", "half=0.46", "half=0.48"))
ATTACHED = tuple(f"{path},reset=attached" for path in ASSG)
WARM = (("pgd:steps=20", ASSG[2]), ("sapgd:steps=50", ASSG[2]), ("sapgd:steps=100,objective=margin", ASSG[1]))
"""Before a candidate that starts from what others have reached; what they break does not count for it."""
PATHS = (
    "training",
    "bptt:surrogate=triangle,width=0.5",
    "bptt:surrogate=triangle,width=2",
    "bptt:surrogate=triangle,width=1,reset=detached",
    "bptt:surrogate=atan,width=0.5",
    "bptt:surrogate=atan,width=0.1",
    "bptt:surrogate=sigmoid",
    "bptt:surrogate=rectangle",
    "bptt:surrogate=straight_through",
    "bptr",
    "rga",
    "hart:width=0.5",
    "hart:width=1",
    "hart:width=2",
    "hart_mix",
    "pdsg",
    *(path for path in (*ASSG, *ATTACHED) if "0.44" in path or "0.48" in path),
)
CANDIDATES = (
    *(("pgd:steps=20", path) for path in PATHS),
    *(
        (attack, path)
        for attack in ("apgd:steps=50,objective=ce", "apgd:steps=50,objective=dlr", "sapgd:steps=100")
        for path in ("training", "bptt:surrogate=triangle,width=2", "hart:width=1", ASSG[2], ATTACHED[2])
    ),
    *(
        (f"{attack},objective=margin", path)
        for attack in ("apgd:steps=50", "sapgd:steps=100")
        for path in (ASSG[2], ATTACHED[2])
    ),
    *(("sapgd:steps=100", path) for path in (*ASSG[:2], *ASSG[3:], *ATTACHED[:2], *ATTACHED[3:])),
    *(("sapgd:steps=200", path) for path in (*ASSG[:4], ATTACHED[1])),
    *((f"sapgd:steps={steps}", path) for steps in (50, 400) for path in ASSG[1:3]),
    *((f"apgd:steps={steps},objective=ce", ASSG[2]) for steps in (100, 200)),
    ("sapgd:steps=100,objective=margin", ASSG[1]),
    ("sapgd:steps=100,objective=dlr", ASSG[1]),
    ("sapgd:steps=200,objective=margin", ASSG[2]),
    ("sapgd:steps=100,restarts=2", ASSG[1]),
    ("sapgd:steps=100,restarts=2", ATTACHED[2]),
    ("sapgd:steps=100,objective=margin,target=ranked,restarts=3", ASSG[1]),
    ("apgd:steps=50,objective=dlr,target=ranked,restarts=4", ASSG[2]),
    ("square:queries=1000", "training"),
    *(("sapgd:steps=50", f"last_step:width=0.5,reset={reset}") for reset in ("detached", "attached")),
    *(("corners:queries=1000", path) for path in (ASSG[1], ATTACHED[1], ASSG[2])),
    ("corners:queries=1000,guided=1", ASSG[1]),
    ("corners:queries=2500", ASSG[1]),
    ("blind_corners:queries=1000", "training"),
    *((f"transfer:source={{model}},proxy={kind},attack=apgd:steps=50", "training") for kind in ("relu", "clip")),
    *((f"transfer:source={source},attack=apgd:steps=50", "training") for source in ("ann_vanilla", "ann_at", "ann_qcfs")),
)
"""(attack, path) specs. ``{model}`` is the model under attack: without its spikes it is the source of a transfer."""

Candidates = Sequence[tuple[str, str]]


def falls(trial: Trial, known: pd.DataFrame, candidates: Candidates | None = None) -> pd.DataFrame:
    """Which samples each candidate breaks: one column per candidate.

    known: columns of an earlier run, which are not computed again if they are of the same samples. candidates: None for
        :data:`CANDIDATES`.
    """
    same, broken = known.index.tolist() == trial.ids.tolist(), {}
    for attack, path in candidates or CANDIDATES:
        stage = trial.stage(attack, path)
        if same and stage.name in known:
            broken[stage.name] = known[stage.name].to_numpy()
        elif stage.attack.inherits:
            broken[stage.name] = _broken_from_warm(trial, stage).numpy()
        else:
            broken[stage.name] = trial.broken(stage).numpy()
    return pd.DataFrame(broken, index=trial.ids.numpy())


def _broken_from_warm(trial: Trial, stage: Stage) -> Tensor:
    """Which images, ``(n,)`` bool, a stage breaks from the points that :data:`WARM` leaves."""
    standing = trial.after([trial.stage(attack, path) for attack, path in WARM])
    broken = torch.zeros(len(trial.y), dtype=torch.bool)
    broken[standing.rows] = trial.among(standing.rows).broken(stage, standing.points)
    return broken


def greedy(tables: dict[tuple[str, str], pd.DataFrame], pairs: Candidates | None = None) -> pd.DataFrame:
    """Candidates ordered by their gain per pair, over all models together.

    Columns: stage, pairs (the most it spends), and per model and radius the percentage of samples that stand after this
    candidate alone, and after all candidates up to it.
    """
    cost = {}
    for attack, path in pairs or CANDIDATES:
        forwards, backwards = resolve_attack(attack.format(model=ON[0][0])).attack.cost()
        cost[f"{attack} along {path}"] = max(backwards, math.ceil(forwards / 3)) * (2 if path == "hart_mix" else 1)
    standing = {key: pd.Series(True, index=table.index) for key, table in tables.items()}
    candidates, rows = list(cost), []
    while candidates:

        def gain(stage: str) -> float:
            return sum(float((table[stage] & standing[key]).mean()) for key, table in tables.items()) / cost[stage]

        best = max(candidates, key=lambda stage: (gain(stage), -cost[stage]))
        candidates.remove(best)
        row: dict[str, object] = {"stage": best, "pairs": cost[best]}
        for key, table in tables.items():
            standing[key] &= ~table[best]
            where = " ".join(key)
            row[f"{where} alone"] = round(100 * (1 - float(table[best].mean())), 1)
            row[f"{where} so far"] = round(100 * float(standing[key].mean()), 1)
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Run all candidates on all models; results of an earlier run are reused."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=100, help="validation images")
    n = options.parse_args().n
    make_folder(WHERE)
    tables = {}
    for name, text in ON:
        stored = WHERE / f"{name}_{text.replace('/', '_')}.csv"
        known = pd.read_csv(stored, index_col="sample").astype(bool) if stored.exists() else pd.DataFrame()
        tables[name, text] = falls(Trial.of(name, text, n), known)
        atomic_write_text(stored, tables[name, text].astype(int).to_csv(index_label="sample"))
    atomic_write_text(WHERE / "gains.csv", greedy(tables).to_csv(index=False))


if __name__ == "__main__":
    main()

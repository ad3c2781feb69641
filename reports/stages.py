"""What each gradient path and search adds: the table from which the stages of ``--attack standard`` were chosen.

    python -m reports.stages

Every candidate is run on its own, on validation images that the model gets right; then they are put in greedy
order, the one first that breaks most of what still stands per pair spent. Writes ``leaderboards/stages/gains.csv``.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from attacks.base import Stage
from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat
from bench.data import load_samples
from bench.evaluation.request.attack_specs import resolve_attack, resolve_path
from bench.foundation.files import atomic_write_text, make_folder
from bench.foundation.spec import number
from bench.models.scorer import Scorer
from bench.tasks.feasibility import statuses
from zoo.folding import folded
from zoo.loading import load

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
)
"""Models and radii at which some samples fall and some stand under PGD: plain, defended, converted, and with a code."""
ASSG = tuple(f"assg:{options}" for options in ("half=0.4", "half=0.42", "half=0.44", "half=0.46", "half=0.48"))
ATTACHED = tuple(f"{path},reset=attached" for path in ASSG)
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
    *((f"transfer:source={{model}},proxy={kind},attack=apgd:steps=50", "training") for kind in ("relu", "clip")),
    *((f"transfer:source={source},attack=apgd:steps=50", "training") for source in ("ann_vanilla", "ann_at", "ann_qcfs")),
)
"""(attack, path) specs. ``{model}`` is the model under attack: without its spikes it is the source of a transfer."""


@dataclass(frozen=True)
class Trial:
    """Validation images that one model gets right, and which of them a search breaks.

    x: ``(n, C, H, W)``. y: ``(n,)``. ids: their numbers in the split ``(n,)``.
    """

    name: str
    scorer: Scorer
    proposer: nn.Module
    x: Tensor
    y: Tensor
    ids: Tensor
    rng: KeyedRng
    threat: Threat

    @classmethod
    def of(cls, name: str, radius: str, n: int) -> Trial:
        """On the first n validation images. radius: as it is written, ``2/255``."""
        samples = load_samples("cifar10", split="val", n=n)
        model = load(name)
        scorer = Scorer(model, name)
        rng = KeyedRng.of(0, samples.ids)
        right = (scorer.decisions(samples.images, rng)[0] == samples.labels).nonzero()[:, 0]
        x, y, ids = samples.images[right], samples.labels[right], samples.ids[right]
        return cls(name, scorer, folded(model), x, y, ids, rng.rows(right), Linf(eps=number(radius)))

    def among(self, rows: Tensor) -> Trial:
        """The same for some rows ``(m,)`` only."""
        return replace(self, x=self.x[rows], y=self.y[rows], ids=self.ids[rows], rng=self.rng.rows(rows))

    def broken(self, stage: Stage) -> Tensor:
        """Which rows fall ``(n,)`` bool, verified and scored as an evaluation does."""
        oracle = ModelOracle.of(self.proposer, self.y, path=stage.path, rng=self.rng.fold("layers"))
        adv = stage.attack.perturb(oracle, self.x, self.threat, rng=self.rng.fold("attack"))
        inside = torch.tensor([status == "ok" for status in statuses(adv, self.x, self.threat)])
        return (self.scorer.decisions(adv, self.rng)[0] != self.y) & inside

    def stage(self, attack: str, path: str) -> Stage:
        """The candidate that two specs tell. ``{model}`` in the first is this model."""
        plan = resolve_attack(attack.format(model=self.name))
        return Stage(f"{attack} along {path}", plan.attack, resolve_path(path)[1])


def falls(trial: Trial, known: pd.DataFrame) -> pd.DataFrame:
    """Which images each candidate breaks: one column per candidate.

    known: columns of an earlier run, which are not computed again.
    """
    found = {}
    for attack, path in CANDIDATES:
        stage = trial.stage(attack, path)
        found[stage.name] = known[stage.name].to_numpy() if stage.name in known else trial.broken(stage).numpy()
    return pd.DataFrame(found, index=trial.ids.numpy())


def greedy(found: dict[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Candidates in the order of what they add per pair, over all models together.

    Columns: stage, pairs (most it spends), and per model and radius the share of samples standing if it alone is run,
    and if all up to it are.
    """
    cost = {}
    for attack, path in CANDIDATES:
        forwards, backwards = resolve_attack(attack.format(model=ON[0][0])).attack.cost()
        cost[f"{attack} along {path}"] = max(backwards, math.ceil(forwards / 3)) * (2 if path == "hart_mix" else 1)
    standing = {key: pd.Series(True, index=table.index) for key, table in found.items()}
    left, rows = list(cost), []
    while left:

        def gain(stage: str) -> float:
            return sum(float((table[stage] & standing[key]).mean()) for key, table in found.items()) / cost[stage]

        best = max(left, key=lambda stage: (gain(stage), -cost[stage]))
        left.remove(best)
        row: dict[str, object] = {"stage": best, "pairs": cost[best]}
        for key, table in found.items():
            standing[key] &= ~table[best]
            where = " ".join(key)
            row[f"{where} alone"] = round(100 * (1 - float(table[best].mean())), 1)
            row[f"{where} so far"] = round(100 * float(standing[key].mean()), 1)
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Run all candidates on all models; what an earlier run found is kept and reused."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=100, help="validation images")
    n = options.parse_args().n
    make_folder(WHERE)
    found = {}
    for name, text in ON:
        kept = WHERE / f"{name}_{text.replace('/', '_')}.csv"
        known = pd.read_csv(kept, index_col="sample").astype(bool) if kept.exists() else pd.DataFrame()
        found[name, text] = falls(Trial.of(name, text, n), known)
        atomic_write_text(kept, found[name, text].astype(int).to_csv(index_label="sample"))
    atomic_write_text(WHERE / "gains.csv", greedy(found).to_csv(index=False))


if __name__ == "__main__":
    main()

"""From the evaluator's units to rows, from rows to results, from results to a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.metrics import classification as metrics
from bench.record import Cell, Interval, Reliability

if TYPE_CHECKING:
    from bench.evaluator import Request, Unit
    from bench.metrics.statistics import Estimate

WORST_CASE = "worst case"


def assemble(request: Request, units: dict[str, Unit], shards: int) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, label, clean_pred, clean_correct, attack, norm, eps, eps_text, noise_1, noise_k,
    noise_draws, norm_value, adv_pred, robust, robust_8bit, verdict, status, unstable, forwards, backwards, adv_sha256.
    Samples that are wrong without any attack have the verdict ``clean_wrong`` and no adversarial columns.
    """
    parts = []
    for shard in range(shards):
        clean = units[f"clean/{shard}"]
        for eps in request.eps:
            worst = units[f"noise/{eps.value!r}/{shard}"]["worst"]
            for number, planned in enumerate(request.attacks):
                unit = units[f"attack/{number}/{eps.value!r}/{shard}"]
                part = pd.DataFrame(
                    {
                        "sample": clean["sample"],
                        "label": clean["label"],
                        "clean_pred": clean["clean_pred"],
                        "clean_correct": clean["clean_correct"],
                        "attack": planned.spec,
                        "norm": request.norm,
                        "eps": eps.value,
                        "eps_text": eps.text,
                        "noise_1": [row[0] for row in worst],
                        "noise_k": [row[planned.noise_draws - 1] for row in worst],
                        "noise_draws": planned.noise_draws,
                    }
                )
                parts.append(_with_attack(part, unit))
    return pd.concat(parts, ignore_index=True)


def _with_attack(part: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    attacked = pd.DataFrame(
        {
            column: unit[column]
            for column in (
                "norm_value",
                "adv_pred",
                "robust",
                "robust_8bit",
                "status",
                "unstable",
                "forwards",
                "backwards",
                "adv_sha256",
            )
        },
        index=pd.Index(unit["rows"], dtype="int64"),
    )
    joined = part.join(attacked)
    wrong = ~joined.index.isin(attacked.index)
    joined["verdict"] = (joined["robust"] > 0).map({True: "robust", False: "broken"})
    joined.loc[wrong, "verdict"] = "clean_wrong"
    filled = {"robust": 0.0, "robust_8bit": 0.0, "status": "ok", "unstable": False, "forwards": 0, "backwards": 0}
    joined = joined.fillna(filled | {"adv_sha256": "", "norm_value": 0.0}).infer_objects()
    joined["adv_pred"] = joined["adv_pred"].fillna(joined["clean_pred"]).astype("int64")
    return joined.astype({"forwards": "int64", "backwards": "int64", "unstable": bool})


def _interval(estimate: Estimate) -> Interval:
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)


def cell(rows: pd.DataFrame, attack: str, seconds: float) -> Cell:
    """The result of one attack (or of the worst case) at one radius, from its rows alone."""
    attacked = rows[rows["verdict"] != "clean_wrong"]
    return Cell(
        attack=attack,
        eps=float(rows["eps"].iloc[0]),
        eps_text=str(rows["eps_text"].iloc[0]),
        clean=_interval(metrics.clean_accuracy(rows)),
        noise=_interval(metrics.noise_accuracy(rows, which="noise_1")),
        noise_best=_interval(metrics.noise_accuracy(rows, which="noise_k")),
        noise_draws=int(rows["noise_draws"].max()),
        robust=_interval(metrics.robust_accuracy(rows)),
        robust_8bit=_interval(metrics.eight_bit_accuracy(rows)),
        gap=_interval(metrics.gap(rows, which="noise_1")),
        gap_best=_interval(metrics.gap(rows, which="noise_k")),
        undecided=metrics.undecided(rows),
        unstable=int(rows["unstable"].sum()),
        forwards=float(attacked["forwards"].mean()) if len(attacked) else 0.0,
        backwards=float(attacked["backwards"].mean()) if len(attacked) else 0.0,
        seconds=seconds,
    )


def cells(request: Request, rows: pd.DataFrame, units: dict[str, Unit]) -> list[Cell]:
    """One cell per radius and attack, and per radius the worst case if there are several attacks."""
    found = []
    for eps in request.eps:
        at_eps = rows[rows["eps"] == eps.value]
        for number, planned in enumerate(request.attacks):
            prefix = f"attack/{number}/{eps.value!r}/"
            seconds = sum(unit["seconds"] for key, unit in units.items() if key.startswith(prefix))
            found.append(cell(at_eps[at_eps["attack"] == planned.spec], planned.spec, seconds))
        if len(request.attacks) > 1:
            total = sum(one.seconds for one in found[-len(request.attacks) :])
            found.append(cell(metrics.worst_case(at_eps), WORST_CASE, total))
    return found


def reliability(request: Request, rows: pd.DataFrame, units: dict[str, Unit]) -> Reliability:
    """Whether anything went wrong that makes the numbers untrustworthy."""
    reasons = []
    if request.subject.spiking and not request.subject.path_takers:
        reasons.append("no spiking layer took the gradient path, so the attacker may be blind")
    failures = sorted({unit["failure"] for unit in units.values() if unit.get("failure")})
    reasons += [f"an attack failed: {failure}" for failure in failures]
    undecided = int(metrics.undecided(rows))
    if undecided:
        reasons.append(f"{undecided} rows stand although a stage failed on them")
    unstable = int(rows["unstable"].sum())
    if unstable > 0.01 * len(rows):
        reasons.append(f"{unstable} decisions changed between two scorings")
    if reasons:
        return Reliability(status="unreliable", reasons=reasons)
    return Reliability(status="upper_bound", reasons=["one gradient path: an upper bound on robustness"])

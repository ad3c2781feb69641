"""From the evaluator's units to rows, from rows to results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.evaluation.records.record import Cell, Interval, StageResult
from bench.metrics import classification as metrics
from bench.tasks.classification.stages import SUMMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attacks.base import Stage
    from bench.evaluation.request.attack_specs import Planned
    from bench.evaluation.units import Request
    from bench.metrics.statistics import Estimate
    from bench.tasks.classification.stages import Unit

WORST_CASE = "worst case"


def assemble(request: Request, units: dict[str, Unit], shards: int) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, label, clean_pred, clean_correct, attack, norm, eps, eps_text, noise_1, noise_k,
    noise_draws, norm_value, adv_pred, robust, selection, robust_8bit, verdict, status, unstable, stage, forwards, backwards,
    zero_gradients, adv_sha256. ``stage`` names what broke a sample; ``selection`` is the rate by which the worst of several
    stages or attacks is chosen, ``robust`` the one that is reported (they differ only for stochastic models).
    Samples that are wrong without any attack have the verdict ``clean_wrong`` and no adversarial columns.
    """
    parts = []
    for clean, unit, asked in blocks(request, units, shards):
        own = {name: clean[name] for name in ("sample", "label", "clean_pred", "clean_correct")}
        parts.append(_with_attack(pd.DataFrame(own | asked), unit))
    return pd.concat(parts, ignore_index=True)


def blocks(request: Request, units: dict[str, Unit], shards: int) -> Iterator[tuple[Unit, Unit, dict[str, Any]]]:
    """Shard by shard, radius by radius, attack by attack: the clean unit, that of the attack, and the columns that say what
    was asked and what noise did."""
    for shard in range(shards):
        for eps in request.eps:
            noise = units[f"noise/{eps.value!r}/{shard}"]
            for number, planned in enumerate(request.attacks):
                asked = {
                    "attack": planned.spec,
                    "norm": request.norm,
                    "eps": eps.value,
                    "eps_text": eps.text,
                    "noise_1": noise["first"],
                    "noise_k": [row[planned.noise_draws - 1] for row in noise["worst"]],
                    "noise_draws": planned.noise_draws,
                }
                yield units[f"clean/{shard}"], units[f"attack/{number}/{eps.value!r}/{shard}"], asked


def _with_attack(part: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    attacked = pd.DataFrame(
        {
            column: unit[column]
            for column in (
                "norm_value",
                "adv_pred",
                "robust",
                "selection",
                "robust_8bit",
                "status",
                "unstable",
                "stage",
                "forwards",
                "backwards",
                "zero_gradients",
                "adv_sha256",
            )
        },
        index=pd.Index(unit["rows"], dtype="int64"),
    )
    joined = part.join(attacked)
    wrong = ~joined.index.isin(attacked.index)
    joined["verdict"] = (joined["selection"] > 0).map({True: "robust", False: "broken"})
    joined.loc[wrong, "verdict"] = "clean_wrong"
    rates = {"robust": 0.0, "selection": 0.0, "robust_8bit": 0.0, "norm_value": 0.0}
    words = {"status": "ok", "stage": "", "adv_sha256": ""}
    joined = joined.fillna(rates | words | {"unstable": False} | dict.fromkeys(SUMMED, 0)).infer_objects()
    joined["adv_pred"] = joined["adv_pred"].fillna(joined["clean_pred"]).astype("int64")
    return joined.astype({"unstable": bool} | dict.fromkeys(SUMMED, "int64"))


def _interval(estimate: Estimate) -> Interval:
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)


def cell(rows: pd.DataFrame, attack: str, seconds: float, stages: list[StageResult]) -> Cell:
    """The result of one attack (or of the worst case) at one radius, from its rows alone."""
    attacked = rows[rows["verdict"] != "clean_wrong"]
    queries = int(attacked["backwards"].sum())
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
        zero_gradients=float(attacked["zero_gradients"].sum()) / queries if queries else 0.0,
        seconds=seconds,
        stages=stages,
    )


def cells(
    request: Request, rows: pd.DataFrame, units: dict[str, Unit], stages_of: Callable[[Planned], tuple[Stage, ...]]
) -> list[Cell]:
    """One cell per radius and attack, and per radius the worst case if there are several attacks."""
    found = []
    for eps in request.eps:
        at_eps = rows[rows["eps"] == eps.value]
        for number, planned in enumerate(request.attacks):
            parts = units_of_stages(units, number, eps.value, len(stages_of(planned)))
            stages = [stage_result(stage, part) for stage, part in zip(stages_of(planned), parts, strict=True)]
            mine = at_eps[at_eps["attack"] == planned.spec]
            found.append(cell(mine, planned.spec, sum(stage.seconds for stage in stages), stages))
        if len(request.attacks) > 1:
            total = sum(one.seconds for one in found[-len(request.attacks) :])
            found.append(cell(metrics.worst_case(at_eps), WORST_CASE, total, []))
    return found


def units_of_stages(units: dict[str, Unit], number: int, eps: float, stages: int) -> list[list[Unit]]:
    """Stage by stage, what the attack of this number did at radius ``eps``, shard by shard."""
    prefix = f"attack/{number}/{eps!r}/"
    return [
        [unit for key, unit in units.items() if key.startswith(prefix) and key.count("/") == 4 and key.endswith(f"/{step}")]
        for step in range(stages)
    ]


def stage_result(stage: Stage, shards: list[Unit]) -> StageResult:
    """What one stage did, over all shards."""
    attempted = sum(len(unit["rows"]) for unit in shards)
    each = max(attempted, 1)
    queries = sum(sum(unit["backwards"]) for unit in shards)
    zero = sum(sum(unit["zero_gradients"]) for unit in shards)
    return StageResult(
        name=stage.name,
        attempted=attempted,
        broken=sum(rate == 0 for unit in shards for rate in unit["selection"]),
        forwards=sum(sum(unit["forwards"]) for unit in shards) / each,
        backwards=queries / each,
        zero_gradients=zero / queries if queries else 0.0,
        seconds=sum(unit["seconds"] for unit in shards),
    )

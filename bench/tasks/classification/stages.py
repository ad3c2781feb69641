"""Running an attack stage by stage: who still stands, and what the stages say together.

A plain attack is a cascade of one stage. Each stage sees only samples that all before it left standing, and its
images are verified and scored before the next one starts, so what an attack claims about itself counts nowhere.
"""

from __future__ import annotations

from typing import Any

from attacks.base import Stage
from attacks.threat import Norm
from bench.evaluation.request.attack_specs import Planned

Unit = dict[str, Any]
"""What the journal stores: column name to list, and ``seconds``."""

SUMMED = ("forwards", "backwards", "zero_gradients")
TAKEN = ("norm_value", "adv_pred", "robust", "selection", "robust_8bit", "adv_sha256")


def stages_of(planned: Planned, *, spiking: bool, norm: Norm, coded: bool = False) -> tuple[Stage, ...]:
    """The stages of an attack on this kind of model, the unnamed one under the attack's own name."""
    found = planned.attack.stages(spiking=spiking, norm=norm, coded=coded)
    return tuple(Stage(stage.name or planned.name, stage.attack, stage.path) for stage in found)


def standing(clean: Unit, done: list[Unit]) -> list[int]:
    """Positions in the shard that are right without an attack and that no stage so far has broken entirely."""
    left = {row for row, rate in enumerate(clean["clean_correct"]) if rate > 0}
    for unit in done:
        left -= {row for row, rate in zip(unit["rows"], unit["selection"], strict=True) if rate == 0}
    return sorted(left)


def combined(stages: tuple[Stage, ...], units: list[Unit]) -> Unit:
    """One entry per attacked row: that of the stage with the lowest rate, the first if several tie.

    The stage is chosen by ``selection`` and reported by ``robust``, which rest on different draws of a stochastic model:
    the lowest of several noisy rates would flatter the attack. Costs are summed. A row that stands keeps the first status
    that is not ``ok``: a stage that failed is no evidence of robustness. ``stage`` names what broke a row, ``given_by`` is
    the number of the stage its entry comes from.
    """
    best: dict[int, dict[str, Any]] = {}
    for number, (stage, unit) in enumerate(zip(stages, units, strict=True)):
        for position, row in enumerate(unit["rows"]):
            now = {name: unit[name][position] for name in (*TAKEN, *SUMMED, "status", "unstable")}
            now["stage"], now["given_by"] = stage.name, number
            kept = best.get(row)
            best[row] = now if kept is None else _worse(kept, now)
    for entry in best.values():
        if entry["selection"] == 1:
            entry["stage"] = ""
    rows = sorted(best)
    columns: Unit = {"rows": rows, "seconds": sum(unit["seconds"] for unit in units)}
    columns["failures"] = sorted({f"{g.name}: {u['failure']}" for g, u in zip(stages, units, strict=True) if u["failure"]})
    for name in (*TAKEN, *SUMMED, "status", "unstable", "stage", "given_by"):
        columns[name] = [best[row][name] for row in rows]
    return columns


def _worse(kept: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    chosen = now if now["selection"] < kept["selection"] else kept
    merged = dict(chosen)
    for name in SUMMED:
        merged[name] = kept[name] + now[name]
    merged["unstable"] = kept["unstable"] or now["unstable"]
    if merged["selection"] > 0:
        merged["status"] = next((entry["status"] for entry in (kept, now) if entry["status"] != "ok"), "ok")
    return merged

"""From the evaluator's units to rows of a model that scores, and from rows to results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.evaluation.records.record import Interval, Shift, ShiftStage
from bench.metrics import quality
from bench.metrics.quality import ScoreRange, Statistic
from bench.tasks.classification.results import WORST_CASE, blocks, units_of_stages
from bench.tasks.classification.stages import SUMMED

if TYPE_CHECKING:
    from attacks.base import Stage
    from bench.evaluation.request.attack_specs import Planned
    from bench.evaluation.units import Request
    from bench.metrics.statistics import Floats
    from bench.tasks.classification.stages import Unit

RATIO_FLOOR = 0.001
"""Of the score range: where noise moves scores by less on average, no ratio of attack to noise is given."""

OF_UNIT = (
    "norm_value",
    "status",
    "unstable",
    *SUMMED,
    *(f"{name}_{way}" for name in ("shift", "shift_8bit", "adv_sha256") for way in ("up", "down")),
)


def assemble_scores(request: Request, units: dict[str, Unit], shards: int) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, group (what was sampled independently: the reference photograph), label (the mean opinion score), clean,
    gradient_l1, attack, norm, eps, eps_text, noise_1, noise_k (scores under the first of, and the farthest among
    ``noise_draws`` draws), noise_draws, shift_up, shift_down (NaN where no attack went that way), shift (of larger
    magnitude), the same after rounding to 8 bits, score_up, score_down, norm_value, status, unstable, forwards, backwards,
    zero_gradients, adv_sha256_up, adv_sha256_down.
    """
    groups = request.samples.groups if request.samples.groups is not None else request.samples.ids
    group_of = dict(zip(request.samples.ids.tolist(), groups.tolist(), strict=True))
    parts = []
    for clean, unit, asked in blocks(request, units, shards):
        own = {
            "sample": clean["sample"],
            "group": [group_of[sample] for sample in clean["sample"]],
            "label": clean["label"],
            "clean": clean["clean"],
            "gradient_l1": np.array(clean["gradient_l1"], dtype=float),
        }
        part = pd.DataFrame(own | asked)
        for name in OF_UNIT:
            part[name] = np.array(unit[name], dtype=float) if name.startswith("shift") else unit[name]
        parts.append(_with_largest(part))
    return pd.concat(parts, ignore_index=True)


def _with_largest(rows: pd.DataFrame) -> pd.DataFrame:
    up, down = rows["shift_up"], rows["shift_down"]
    upward = down.isna() | (up.abs() >= down.abs())
    return rows.assign(
        shift=up.where(upward, down),
        shift_8bit=rows["shift_8bit_up"].where(upward, rows["shift_8bit_down"]),
        score_up=rows["clean"] + up,
        score_down=rows["clean"] + down,
    )


def worst_case_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Per sample, for each way the largest shift of several attacks at one radius; costs are summed."""
    grouped = rows.groupby("sample", sort=True)
    worst = grouped.first()
    for way, how in (("up", "idxmax"), ("down", "idxmin")):
        shifts = rows[f"shift_{way}"].fillna(-np.inf if way == "up" else np.inf)
        chosen = shifts.groupby(rows["sample"], sort=True).agg(how)
        for name in ("shift", "shift_8bit", "adv_sha256"):
            worst[f"{name}_{way}"] = rows.loc[chosen, f"{name}_{way}"].to_numpy()
    for column, function in {
        **dict.fromkeys(SUMMED, "sum"),
        "unstable": "max",
        "norm_value": "max",
        "noise_draws": "max",
    }.items():
        worst[column] = grouped[column].agg(function)
    failed = rows[rows["status"] != "ok"].groupby("sample")["status"].first()
    worst["status"] = failed.reindex(worst.index).fillna("ok")
    drawn = rows.sort_values("noise_draws", kind="stable").groupby("sample", sort=True)
    worst["noise_k"] = drawn["noise_k"].last()
    return _with_largest(worst.reset_index())


def shift_result(
    rows: pd.DataFrame, attack: str, scale: ScoreRange, seconds: float, stages: list[ShiftStage] | None = None
) -> Shift:
    """The result of one attack (or of the worst case) at one radius, from its rows alone.

    Rows on which a stage failed are left out of every figure and counted. scale: the score range of the model.
    Raises ``ValueError`` if no row is left.
    """
    kept = rows[(rows["status"] == "ok") & rows["shift"].notna()]
    if kept.empty:
        raise ValueError(f"{attack} failed on every sample")
    clean, label, shift = (kept[name].to_numpy(float) for name in ("clean", "label", "shift"))
    attacked, once, often = clean + shift, kept["noise_1"].to_numpy(float), kept["noise_k"].to_numpy(float)
    sizes = kept["gradient_l1"].dropna().to_numpy(float)
    groups = kept["group"].to_numpy(np.int64)
    ratio = quality.gap_ratio(clean, attacked, often, floor=RATIO_FLOOR * scale.width)

    def told(statistic: Statistic) -> Interval:
        found = quality.estimate(statistic, len(kept), groups=groups)
        return Interval(value=found.value, low=found.low, high=found.high, n=found.n)

    def one_way(way: str) -> Interval | None:
        moved = kept[f"shift_{way}"].to_numpy(float)
        return None if np.isnan(moved).any() else told(quality.signed_shift(clean, clean + moved))

    def about(values: Floats, statistic: Callable[[Floats], Statistic]) -> Interval | None:
        if len(values) < len(kept):
            return None
        return told(statistic(values))

    size = quality.absolute_shift(clean, attacked)
    queries = int(kept["backwards"].sum())
    return Shift(
        attack=attack,
        eps=float(rows["eps"].iloc[0]),
        eps_text=str(rows["eps_text"].iloc[0]),
        absolute=told(size),
        signed=told(quality.signed_shift(clean, attacked)),
        rms=told(quality.rms_shift(clean, attacked)),
        up=one_way("up"),
        down=one_way("down"),
        in_deviations=told(quality.in_deviations(size, clean)) if np.ptp(clean) > 0 else None,
        in_ranges=told(quality.in_ranges(size, scale)),
        rounded=told(quality.absolute_shift(clean, clean + kept["shift_8bit"].to_numpy(float))),
        robustness=told(quality.robustness(clean, attacked, scale)),
        noise=told(quality.absolute_shift(clean, once)),
        noise_best=told(quality.absolute_shift(clean, often)),
        noise_draws=int(rows["noise_draws"].max()),
        gap=told(quality.gap(clean, attacked, once)),
        gap_best=told(quality.gap(clean, attacked, often)),
        gap_ratio=ratio,
        srcc_clean=told(quality.srcc(clean, label)),
        srcc_attacked=told(quality.srcc(attacked, label)),
        plcc_clean=told(quality.plcc(clean, label)),
        plcc_attacked=told(quality.plcc(attacked, label)),
        krcc_clean=told(quality.krcc(clean, label)),
        krcc_attacked=told(quality.krcc(attacked, label)),
        srcc_between=told(quality.srcc(attacked, clean)),
        wasserstein=told(quality.signed_wasserstein(clean, attacked)),
        gradient_l1=about(sizes, lambda values: lambda weights: (weights @ values) / weights.sum(1)),
        flat=about(sizes, quality.zero_gradients),
        failed=len(rows) - len(kept),
        unstable=int(rows["unstable"].sum()),
        forwards=float(rows["forwards"].mean()),
        backwards=float(rows["backwards"].mean()),
        zero_gradients=float(kept["zero_gradients"].sum()) / queries if queries else 0.0,
        seconds=seconds,
        stages=stages or [],
    )


def shifts(
    request: Request, rows: pd.DataFrame, units: dict[str, Unit], stages_of: Callable[[Planned], tuple[Stage, ...]]
) -> list[Shift]:
    """One result per radius and attack, and per radius the worst case if there are several attacks."""
    scale = ScoreRange(*request.subject.score_range)
    found = []
    for eps in request.eps:
        at_eps = rows[rows["eps"] == eps.value]
        for number, planned in enumerate(request.attacks):
            parts = units_of_stages(units, number, eps.value, len(stages_of(planned)))
            stages = [_stage(stage, part) for stage, part in zip(stages_of(planned), parts, strict=True)]
            mine = at_eps[at_eps["attack"] == planned.spec]
            found.append(shift_result(mine, planned.spec, scale, sum(stage.seconds for stage in stages), stages))
        if len(request.attacks) > 1:
            total = sum(one.seconds for one in found[-len(request.attacks) :])
            found.append(shift_result(worst_case_scores(at_eps), WORST_CASE, scale, total))
    return found


def _stage(stage: Stage, shards: list[Unit]) -> ShiftStage:
    moved = [shift for unit in shards for shift, status in zip(unit["shift"], unit["status"], strict=True) if status == "ok"]
    rows = max(sum(len(unit["rows"]) for unit in shards), 1)
    return ShiftStage(
        name=stage.name,
        shift=float(np.mean(moved)) if moved else 0.0,
        failed=rows - len(moved),
        forwards=sum(sum(unit["forwards"]) for unit in shards) / rows,
        backwards=sum(sum(unit["backwards"]) for unit in shards) / rows,
        seconds=sum(unit["seconds"] for unit in shards),
    )

"""From rows to results of a model that scores: shifts, correlations and costs of one attack at one radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from bench.metrics import quality
from bench.metrics.quality import ScoreRange, Statistic
from bench.tasks.per_attack import per_attack
from bench.tasks.quality.rows import worst_case
from bench.tasks.results import AttackResult, Interval, Point, Strict, mean_costs

if TYPE_CHECKING:
    import pandas as pd

    from attacks.base import Stage
    from bench.metrics.statistics import Floats
    from bench.tasks.quality.units import ScoreOutcome
    from bench.tasks.results import Results
    from bench.tasks.task import Request

SATURATING = ("clipped", "across_half", "across_range", "flipped_pairs")
"""Fields that records of evaluator versions 1 and 2 lack."""

RATIO_FLOOR = 0.001
"""Share of the score range: if noise moves scores by less on average, there is no ratio of attack to noise."""


class ShiftStage(Strict):
    """The result of one stage of an attack on scores at one radius."""

    name: str
    """Stage, with its direction."""
    shift: float
    """Mean signed shift of the score."""
    failed: int
    """Samples on which it failed."""
    forwards: float
    """Mean forward passes per sample."""
    backwards: float
    """Mean backward passes per sample."""
    seconds: float
    """Wall time."""


class Shift(AttackResult):
    """One attack on scores at one radius. A sample's shift is the larger, in magnitude, of its shifts up and down.

    In units of the calibrated score, unless stated otherwise. Intervals resample reference photographs.
    """

    absolute: Interval
    """Mean |shift|."""
    signed: Interval
    """Mean shift."""
    rms: Interval
    """Root of the mean squared shift."""
    up: Interval | None
    """Mean shift of attacks that raise the score; None if an image has no such shift."""
    down: Interval | None
    """Mean shift of attacks that lower the score; None if an image has no such shift."""
    in_deviations: Interval | None
    """Mean |shift| in standard deviations of the clean scores; None if these are constant."""
    in_ranges: Interval
    """Mean |shift| in units of the score range."""
    clipped: Interval | None = None
    """Mean shift of scores clipped to their range, in units of the range, of each image the larger of both ways. With the
    three figures below it saturates where ``absolute`` goes on growing; None in records of evaluator versions 1 and 2."""
    across_half: Interval | None = None
    """Share of images whose score moves by at least half of the range."""
    across_range: Interval | None = None
    """Share of images whose score moves by at least the whole range."""
    flipped_pairs: Interval | None = None
    """Share of pairs of images whose order an attacker reverses who lowers the better and raises the worse; None also if
    an image has no shift in one of both ways."""
    rounded: Interval
    """Mean |shift| after rounding the adversarial images to 8 bits."""
    robustness: Interval
    """R, mean log10 of the largest possible shift over the shift."""
    noise: Interval
    """Mean |shift| under one draw of uniform noise of the same radius."""
    noise_best: Interval
    """Mean of the largest |shift| among ``noise_draws`` draws."""
    gap: Interval
    """``absolute - noise``, paired."""
    gap_best: Interval
    """``absolute - noise_best``, paired."""
    gap_ratio: float | None
    """``absolute / noise_best``; None where noise hardly moves scores."""
    srcc_clean: Interval
    """Spearman's correlation of clean scores with the (pseudo-)MOS."""
    srcc_attacked: Interval
    """The same of attacked scores."""
    plcc_clean: Interval
    """Pearson's correlation of clean scores with the (pseudo-)MOS."""
    plcc_attacked: Interval
    """The same of attacked scores."""
    krcc_clean: Interval
    """Kendall's tau-b of clean scores with the (pseudo-)MOS."""
    krcc_attacked: Interval
    """The same of attacked scores."""
    srcc_between: Interval
    """Spearman's correlation of attacked with clean scores."""
    wasserstein: Interval
    """Distance between the distributions of clean and attacked scores, with the sign of the mean shift."""
    gradient_l1: Interval | None
    """Mean l1 norm of the input gradient at the clean images; None where some are not finite."""
    flat: Interval | None
    """Share of clean images at which the input gradient is zero; None where some are not finite."""
    failed: int
    """Samples on which a stage failed, left out of all figures: no evidence of robustness."""
    stages: list[ShiftStage] = Field(default_factory=list)
    """Stage by stage."""

    @property
    def point(self) -> Point:
        """Mean |shift|, which is 0 without a perturbation."""
        return Point("mean |shift| of the score", 1.0, "z.3f", None, self.noise, self.absolute)


def shift_result(
    rows: pd.DataFrame, attack: str, scale: ScoreRange, seconds: float, stages: list[ShiftStage] | None = None
) -> Shift:
    """The result of one attack (or of the worst case) at one radius, from its rows alone.

    Rows on which a stage failed are left out of every figure and counted. scale: the score range of the model.
    Raises ``ValueError`` if no row is left.
    """
    valid_rows = rows[(rows["status"] == "ok") & rows["shift"].notna()]
    if valid_rows.empty:
        raise ValueError(f"{attack} failed on every sample")
    clean, label, shift = (valid_rows[name].to_numpy(float) for name in ("clean", "label", "shift"))
    noise_once, noise_worst = (valid_rows[name].to_numpy(float) for name in ("noise_1", "noise_k"))
    attacked = clean + shift
    gradient_norms = valid_rows["gradient_l1"].dropna().to_numpy(float)
    groups = valid_rows["group"].to_numpy(np.int64)

    def estimated(statistic: Statistic) -> Interval:
        return Interval.of(quality.estimate(statistic, len(valid_rows), groups=groups))

    def one_way(way: str) -> Interval | None:
        moved = valid_rows[f"shift_{way}"].to_numpy(float)
        return None if np.isnan(moved).any() else estimated(quality.signed_shift(clean, clean + moved))

    def from_gradients(values: Floats, statistic: Callable[[Floats], Statistic]) -> Interval | None:
        if len(values) < len(valid_rows):
            return None
        return estimated(statistic(values))

    saturating = {name: statistic and estimated(statistic) for name, statistic in _saturating(valid_rows, scale).items()}
    size = quality.absolute_shift(clean, attacked)
    queries = int(valid_rows["backwards"].sum())
    return Shift(
        attack=attack,
        eps=float(rows["eps"].iloc[0]),
        eps_text=str(rows["eps_text"].iloc[0]),
        absolute=estimated(size),
        signed=estimated(quality.signed_shift(clean, attacked)),
        rms=estimated(quality.rms_shift(clean, attacked)),
        up=one_way("up"),
        down=one_way("down"),
        in_deviations=estimated(quality.in_deviations(size, clean)) if np.ptp(clean) > 0 else None,
        in_ranges=estimated(quality.in_ranges(size, scale)),
        clipped=saturating["clipped"],
        across_half=saturating["across_half"],
        across_range=saturating["across_range"],
        flipped_pairs=saturating["flipped_pairs"],
        rounded=estimated(quality.absolute_shift(clean, clean + valid_rows["shift_8bit"].to_numpy(float))),
        robustness=estimated(quality.robustness(clean, attacked, scale)),
        noise=estimated(quality.absolute_shift(clean, noise_once)),
        noise_best=estimated(quality.absolute_shift(clean, noise_worst)),
        noise_draws=int(rows["noise_draws"].max()),
        gap=estimated(quality.gap(clean, attacked, noise_once)),
        gap_best=estimated(quality.gap(clean, attacked, noise_worst)),
        gap_ratio=quality.gap_ratio(clean, attacked, noise_worst, floor=RATIO_FLOOR * scale.width),
        **{name: estimated(statistic) for name, statistic in _correlations(clean, attacked, label).items()},
        srcc_between=estimated(quality.srcc(attacked, clean)),
        wasserstein=estimated(quality.signed_wasserstein(clean, attacked)),
        gradient_l1=from_gradients(gradient_norms, lambda values: lambda weights: (weights @ values) / weights.sum(1)),
        flat=from_gradients(gradient_norms, quality.zero_gradients),
        failed=len(rows) - len(valid_rows),
        unstable=int(rows["unstable"].sum()),
        forwards=float(rows["forwards"].mean()),
        backwards=float(rows["backwards"].mean()),
        zero_gradients=float(valid_rows["zero_gradients"].sum()) / queries if queries else 0.0,
        seconds=seconds,
        stages=stages or [],
    )


def _correlations(clean: Floats, attacked: Floats, label: Floats) -> dict[str, Statistic]:
    """The correlations of clean and of attacked scores with the (pseudo-)MOS, by their fields; (n,) each."""
    return {
        f"{name}_{when}": getattr(quality, name)(scores, label)
        for name in ("srcc", "plcc", "krcc")
        for when, scores in (("clean", clean), ("attacked", attacked))
    }


def _saturating(rows: pd.DataFrame, scale: ScoreRange) -> dict[str, Statistic | None]:
    """The statistics of :data:`SATURATING`, from rows on which no stage failed."""
    clean, shift, up, down = (rows[name].to_numpy(float) for name in ("clean", "shift", "shift_up", "shift_down"))
    one_sided = bool(np.isnan(up).any() or np.isnan(down).any())
    return {
        "clipped": quality.clipped_shift(clean, clean + up, clean + down, scale),
        "across_half": quality.moved_across(clean, clean + shift, scale, 0.5),
        "across_range": quality.moved_across(clean, clean + shift, scale, 1.0),
        "flipped_pairs": None if one_sided else quality.flipped_pairs(clean, clean + up, clean + down),
    }


def shifts(request: Request, rows: pd.DataFrame, results: Results) -> list[AttackResult]:
    """One result per radius and attack, and per radius the worst case if there are several attacks.

    Raises ``ValueError`` if an attack failed on every sample.
    """
    scale = ScoreRange(*request.subject.score_range)

    def of_rows(attack_rows: pd.DataFrame, spec: str, seconds: float, stages: list[ShiftStage]) -> Shift:
        return shift_result(attack_rows, spec, scale, seconds, stages)

    return per_attack(request, rows, results, of_stage=_stage_result, of_rows=of_rows, worst_case=worst_case)


def _stage_result(stage: Stage, outcomes: Sequence[ScoreOutcome]) -> ShiftStage:
    valid_shifts = [
        shift
        for outcome_of_shard in outcomes
        for shift, status in zip(outcome_of_shard.shift, outcome_of_shard.status, strict=True)
        if status == "ok"
    ]
    costs = mean_costs(outcomes)
    del costs["zero_gradients"]
    return ShiftStage(
        name=stage.name,
        shift=float(np.mean(valid_shifts)) if valid_shifts else 0.0,
        failed=max(sum(len(outcome.rows) for outcome in outcomes), 1) - len(valid_shifts),
        **costs,
    )

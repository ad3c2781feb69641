"""From rows to results of a model that reconstructs: PSNR, SSIM and costs of one attack at one radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from bench.metrics import quality, weighted
from bench.tasks.per_attack import per_attack
from bench.tasks.reconstruction.rows import worst_case
from bench.tasks.results import AttackResult, Interval, Point, Strict, mean_costs

if TYPE_CHECKING:
    import pandas as pd

    from attacks.base import Stage
    from bench.metrics.statistics import Floats
    from bench.tasks.reconstruction.units import PictureOutcome
    from bench.tasks.results import Results
    from bench.tasks.task import Request


class DropStage(Strict):
    """The result of one stage of an attack on reconstructions at one radius."""

    name: str
    """Stage."""
    psnr: float | None
    """Mean PSNR under this stage alone, in dB; None where it failed on every sample."""
    failed: int
    """Samples on which it failed."""
    forwards: float
    """Mean forward passes per sample."""
    backwards: float
    """Mean backward passes per sample."""
    seconds: float
    """Wall time."""


class Drop(AttackResult):
    """One attack on reconstructions at one radius: by how many dB the PSNR drops, each picture against its own scene.

    PSNR of a sample is that of its mean squared error over pixels and draws, at most 100 dB; figures are means over samples,
    in dB unless stated otherwise. Intervals resample what was sampled independently.
    """

    drop: Interval
    """``psnr_clean - psnr``, paired: the figure of this task."""
    psnr_clean: Interval
    """PSNR of pictures of the clean scenes."""
    psnr: Interval
    """PSNR of pictures of the attacked scenes, against these."""
    psnr_noise: Interval
    """The same under one draw of uniform noise of the same radius."""
    psnr_noise_worst: Interval
    """The lowest among ``noise_draws`` draws."""
    drop_noise: Interval
    """``psnr_clean - psnr_noise``, paired."""
    drop_noise_worst: Interval
    """``psnr_clean - psnr_noise_worst``, paired. For a stochastic model too large: the lowest of several noisy figures."""
    gap: Interval
    """``drop - drop_noise``, paired."""
    gap_worst: Interval
    """``drop - drop_noise_worst``, paired."""
    rounded: Interval
    """Drop after rounding the attacked scenes to 8 bits."""
    ssim_clean: Interval
    """SSIM of pictures of the clean scenes."""
    ssim: Interval
    """SSIM of pictures of the attacked scenes, against these."""
    ssim_noise: Interval
    """The same under one draw of noise."""
    ssim_drop: Interval
    """``ssim_clean - ssim``, paired."""
    failed: int
    """Samples on which a stage failed, left out of all figures: no evidence of robustness."""
    stages: list[DropStage] = Field(default_factory=list)
    """Stage by stage."""

    @property
    def point(self) -> Point:
        """PSNR, clean, under noise and under the attack."""
        return Point("PSNR of the reconstruction (dB)", 1.0, "z.1f", self.psnr_clean, self.psnr_noise, self.psnr)


def drop_result(rows: pd.DataFrame, attack: str, seconds: float, stages: list[DropStage] | None = None) -> Drop:
    """The result of one attack (or of the worst case) at one radius, from its rows alone.

    Rows on which a stage failed are left out of every figure and counted. Raises ``ValueError`` if no row is left.
    """
    valid = rows[(rows["status"] == "ok") & rows["psnr"].notna()]
    if valid.empty:
        raise ValueError(f"{attack} failed on every sample")
    groups = valid["group"].to_numpy(np.int64)

    def estimated(values: pd.Series[float]) -> Interval:
        numbers: Floats = np.asarray(values, dtype=np.float64)
        statistic = quality.estimate(lambda weights: weighted.mean(numbers, weights), len(numbers), groups=groups)
        return Interval.of(statistic)

    clean, noise, worst_noise = valid["clean_psnr"], valid["noise_1"], valid["noise_k"]
    queries = int(valid["backwards"].sum())
    return Drop(
        attack=attack,
        eps=float(rows["eps"].iloc[0]),
        eps_text=str(rows["eps_text"].iloc[0]),
        drop=estimated(valid["drop"]),
        psnr_clean=estimated(clean),
        psnr=estimated(valid["psnr"]),
        psnr_noise=estimated(noise),
        psnr_noise_worst=estimated(worst_noise),
        drop_noise=estimated(clean - noise),
        drop_noise_worst=estimated(clean - worst_noise),
        gap=estimated(noise - valid["psnr"]),
        gap_worst=estimated(worst_noise - valid["psnr"]),
        rounded=estimated(clean - valid["psnr_8bit"]),
        ssim_clean=estimated(valid["clean_ssim"]),
        ssim=estimated(valid["ssim"]),
        ssim_noise=estimated(valid["noise_ssim"]),
        ssim_drop=estimated(valid["clean_ssim"] - valid["ssim"]),
        noise_draws=int(rows["noise_draws"].max()),
        failed=len(rows) - len(valid),
        unstable=int(rows["unstable"].sum()),
        forwards=float(rows["forwards"].mean()),
        backwards=float(rows["backwards"].mean()),
        zero_gradients=float(valid["zero_gradients"].sum()) / queries if queries else 0.0,
        seconds=seconds,
        stages=stages or [],
    )


def drops(request: Request, rows: pd.DataFrame, results: Results) -> list[AttackResult]:
    """One result per radius and attack, and per radius the worst case if there are several attacks.

    Raises ``ValueError`` if an attack failed on every sample.
    """
    return per_attack(request, rows, results, of_stage=_stage_result, of_rows=drop_result, worst_case=worst_case)


def _stage_result(stage: Stage, outcomes: Sequence[PictureOutcome]) -> DropStage:
    values = [
        psnr
        for outcome_of_shard in outcomes
        for psnr, status in zip(outcome_of_shard.psnr, outcome_of_shard.status, strict=True)
        if status == "ok"
    ]
    costs = mean_costs(outcomes)
    del costs["zero_gradients"]
    return DropStage(
        name=stage.name,
        psnr=float(np.mean(values)) if values else None,
        failed=sum(len(outcome.rows) for outcome in outcomes) - len(values),
        **costs,
    )

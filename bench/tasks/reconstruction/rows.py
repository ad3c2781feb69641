"""From finished units to rows of a model that reconstructs: one per sample, attack and radius."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bench.tasks.reconstruction.stages import TAKEN, combined
from bench.tasks.rows import request_columns
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.reconstruction.units import CleanPictures, NoisyPictures
    from bench.tasks.results import Results
    from bench.tasks.task import Request

NUMBERS = ("error", "psnr", "ssim", "psnr_8bit")
"""Columns that are NaN where every stage failed."""
ATTACKED = (*TAKEN, "status", "unstable", "stage", *COSTS)
"""Columns of rows that come from an attack."""


def rows(request: Request, results: Results) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, group (what was sampled independently, such as a photograph), label, clean_psnr, clean_ssim,
    gradient_share (how much of the gradient of the error is left at the clean scene; NaN where there is none), attack,
    norm, eps, eps_text, noise_1, noise_k (PSNR under the first of, and the lowest among ``noise_draws`` draws),
    noise_draws, noise_ssim (under the first draw), error (mean squared, by which the worst of several stages or attacks is
    chosen), psnr, ssim, psnr_8bit (after rounding to 8 bits), drop (clean_psnr - psnr), norm_value, adv_sha256, status,
    unstable, stage (whose picture this is), forwards, backwards, zero_gradients. PSNR is in dB.
    """
    groups = request.samples.groups if request.samples.groups is not None else request.samples.ids
    group_of = dict(zip(request.samples.ids.tolist(), groups.tolist(), strict=True))
    parts = []
    for shard, number, eps, request_fields in request_columns(request, results):
        clean, stages = cast("CleanPictures", results.clean(shard)), request.stages[number]
        clean_fields = {
            "sample": clean.sample,
            "group": [group_of[sample] for sample in clean.sample],
            "label": clean.label,
            "clean_psnr": clean.psnr,
            "clean_ssim": clean.ssim,
            "gradient_share": np.array(clean.gradient_share, dtype=float),
        }
        noise_fields = {"noise_ssim": cast("NoisyPictures", results.noise(eps, shard)).ssim}
        part = pd.DataFrame(clean_fields | request_fields | noise_fields)
        worst = combined(stages, results.stages(number, eps, shard, len(stages)))
        for name in ATTACKED:
            values = getattr(worst, name)
            part[name] = np.array(values, dtype=float) if name in NUMBERS else values
        parts.append(part.assign(drop=part["clean_psnr"] - part["psnr"]))
    return pd.concat(parts, ignore_index=True)


def worst_case(rows: pd.DataFrame) -> pd.DataFrame:
    """Per sample the row of the attack with the largest error at one radius; costs are summed."""
    grouped = rows.groupby("sample", sort=True)
    largest = rows["error"].fillna(-np.inf).groupby(rows["sample"], sort=True).idxmax()
    worst = rows.loc[largest].set_index("sample")
    for column in COSTS:
        worst[column] = grouped[column].sum()
    worst["unstable"] = grouped["unstable"].max()
    failed = rows[rows["status"] != "ok"].groupby("sample")["status"].first()
    worst["status"] = failed.reindex(worst.index).fillna("ok")
    most_draws = rows.sort_values("noise_draws", kind="stable").groupby("sample", sort=True)
    for column in ("noise_k", "noise_draws"):
        worst[column] = most_draws[column].last()
    return worst.reset_index()

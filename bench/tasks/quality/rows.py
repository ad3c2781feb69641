"""From finished units to rows of a model that scores: one per sample, attack and radius."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bench.tasks.quality.stages import combined
from bench.tasks.rows import request_columns
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.quality.units import CleanScores
    from bench.tasks.results import Results
    from bench.tasks.task import Request

SCORE_COLUMNS = (
    "norm_value",
    "status",
    "unstable",
    *COSTS,
    *(f"{name}_{way}" for name in ("shift", "shift_8bit", "adv_sha256") for way in ("up", "down")),
)
"""Columns of rows that come from an attack."""


def rows(request: Request, results: Results) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, group (the reference photograph, the unit of independent sampling), label (the mean opinion score),
    clean, gradient_l1, attack, norm, eps, eps_text, noise_1, noise_k (scores under the first of, and the farthest among
    ``noise_draws`` draws), noise_draws, shift_up, shift_down (NaN where no attack went in that direction), shift (of larger
    magnitude), the same after rounding to 8 bits, score_up, score_down, norm_value, status, unstable, forwards, backwards,
    zero_gradients, adv_sha256_up, adv_sha256_down.
    """
    groups = request.samples.groups if request.samples.groups is not None else request.samples.ids
    group_of = dict(zip(request.samples.ids.tolist(), groups.tolist(), strict=True))
    parts = []
    for shard, number, eps, request_fields in request_columns(request, results):
        clean, stages = cast("CleanScores", results.clean(shard)), request.stages[number]
        clean_fields = {
            "sample": clean.sample,
            "group": [group_of[sample] for sample in clean.sample],
            "label": clean.label,
            "clean": clean.clean,
            "gradient_l1": np.array(clean.gradient_l1, dtype=float),
        }
        part = pd.DataFrame(clean_fields | request_fields)
        farthest = combined(stages, results.stages(number, eps, shard, len(stages)))
        for name in SCORE_COLUMNS:
            values = getattr(farthest, name)
            part[name] = np.array(values, dtype=float) if name.startswith("shift") else values
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


def worst_case(rows: pd.DataFrame) -> pd.DataFrame:
    """Per sample and direction the largest shift of several attacks at one radius; costs are summed."""
    grouped = rows.groupby("sample", sort=True)
    worst = grouped.first()
    for way, extreme in (("up", "idxmax"), ("down", "idxmin")):
        shifts = rows[f"shift_{way}"].fillna(-np.inf if way == "up" else np.inf)
        extreme_rows = shifts.groupby(rows["sample"], sort=True).agg(extreme)
        for name in ("shift", "shift_8bit", "adv_sha256"):
            worst[f"{name}_{way}"] = rows.loc[extreme_rows, f"{name}_{way}"].to_numpy()
    for column, function in {
        **dict.fromkeys(COSTS, "sum"),
        "unstable": "max",
        "norm_value": "max",
        "noise_draws": "max",
    }.items():
        worst[column] = grouped[column].agg(function)
    failed = rows[rows["status"] != "ok"].groupby("sample")["status"].first()
    worst["status"] = failed.reindex(worst.index).fillna("ok")
    by_noise_draws = rows.sort_values("noise_draws", kind="stable").groupby("sample", sort=True)
    worst["noise_k"] = by_noise_draws["noise_k"].last()
    return _with_largest(worst.reset_index())

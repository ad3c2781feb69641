"""From finished units to rows: one per sample, attack and radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.tasks.classification.stages import Worst, combined
from bench.tasks.rows import request_columns
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.tasks.results import Results
    from bench.tasks.task import Request

ATTACKED = (
    "norm_value",
    "margin",
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
"""Columns of rows that were attacked."""


def rows(request: Request, results: Results) -> pd.DataFrame:
    """One row per sample, attack and radius.

    Columns: sample, label, clean_pred, clean_correct, attack, norm, eps, eps_text, noise_1, noise_k,
    noise_draws, norm_value, margin, adv_pred, robust, selection, robust_8bit, verdict, status, unstable, stage, forwards,
    backwards, zero_gradients, adv_sha256. ``stage`` is the stage that broke a sample; ``selection`` is the rate by which the
    worst of several stages or attacks is chosen, ``robust`` the reported rate (they differ only for stochastic models).
    ``margin`` is by how much another logit leads the label's where it leads most: negative for a sample that stands.
    Samples that are wrong without any attack have the verdict ``clean_wrong`` and no adversarial columns.
    """
    parts = []
    for shard, number, eps, request_fields in request_columns(request, results):
        clean, stages = results.clean(shard), request.stages[number]
        clean_fields = {name: getattr(clean, name) for name in ("sample", "label", "clean_pred", "clean_correct")}
        worst = combined(stages, results.stages(number, eps, shard, len(stages)))
        parts.append(_with_attack(pd.DataFrame(clean_fields | request_fields), worst))
    return pd.concat(parts, ignore_index=True)


def _with_attack(part: pd.DataFrame, worst: Worst) -> pd.DataFrame:
    attacked = pd.DataFrame({name: getattr(worst, name) for name in ATTACKED}, index=pd.Index(worst.rows, dtype="int64"))
    joined = part.join(attacked)
    wrong = ~joined.index.isin(attacked.index)
    joined["verdict"] = (joined["selection"] > 0).map({True: "robust", False: "broken"})
    joined.loc[wrong, "verdict"] = "clean_wrong"
    rates = {"robust": 0.0, "selection": 0.0, "robust_8bit": 0.0, "norm_value": 0.0, "margin": 0.0}
    words = {"status": "ok", "stage": "", "adv_sha256": ""}
    joined = joined.fillna(rates | words | {"unstable": False} | dict.fromkeys(COSTS, 0)).infer_objects()
    joined["adv_pred"] = joined["adv_pred"].fillna(joined["clean_pred"]).astype("int64")
    return joined.astype({"unstable": bool} | dict.fromkeys(COSTS, "int64"))

"""Comparing two records on the samples they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.records.record import Record, read_record
from bench.foundation.errors import RecordError
from bench.metrics import quality
from bench.metrics.quality import Statistic
from bench.metrics.statistics import PairedDifference, paired_difference
from bench.metrics.weighted import ones

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Figure of the first record minus that of the second, paired on the samples they share.

    what: ``clean``, ``noise`` or an attack's spec. eps_text: radius, empty for ``clean``. The figure is an accuracy; of
    models that score it is the mean |shift| under noise and attacks, and clean the rank correlation with the labels.
    """

    what: str
    eps_text: str
    first: float
    second: float
    difference: PairedDifference


def compare(first: Record | Path | str, second: Record | Path | str) -> list[Comparison]:
    """Paired differences for everything both records measured.

    Raises ``RecordError`` if they share no data set, no samples or no attack at the same radius.
    """
    a, b = (r if isinstance(r, Record) else read_record(Path(r)) for r in (first, second))
    if a.task != b.task:
        raise RecordError("One record is of a model that decides, one of a model that scores.", "Compare one kind.")
    if (a.data.name, a.data.split, a.norm) != (b.data.name, b.data.split, b.norm):
        raise RecordError(
            f"The records are of {a.data.name}/{a.data.split} in {a.norm} and {b.data.name}/{b.data.split} in {b.norm}.",
            "Compare records of the same data and norm.",
        )
    keys = ["attack", "eps", "eps_text"]
    shared = a.rows[keys].drop_duplicates().merge(b.rows[keys].drop_duplicates(), on=["attack", "eps"])
    if shared.empty:
        raise RecordError(
            "The records share no attack at the same radius.", "Evaluate both with the same --attack and --eps."
        )
    found: list[Comparison] = []
    for position, (attack, eps, eps_text) in enumerate(
        zip(shared["attack"], shared["eps"], shared["eps_text_x"], strict=True)
    ):
        left, right = (_usable(r, attack, eps) for r in (a, b))
        both = left.join(right, how="inner", lsuffix="_1", rsuffix="_2")
        if both.empty:
            raise RecordError("The records share no samples.", "Evaluate both on the same samples.")
        if (both["label_1"] != both["label_2"]).any():
            raise RecordError("The records disagree about labels.", "Evaluate both on the same data.")
        if a.task == "quality":
            found += _shifts(both, str(attack), str(eps_text), clean=position == 0)
            continue
        if position == 0:
            found.append(_one("clean", "", both, "clean_correct"))
        found.append(_one("noise", str(eps_text), both, "noise_1"))
        found.append(_one(str(attack), str(eps_text), both, "robust"))
    return found


def _usable(record: Record, attack: str, eps: float) -> pd.DataFrame:
    """Rows of one attack at one radius, by sample; of models that score, those on which no stage failed."""
    rows = record.rows[(record.rows["attack"] == attack) & (record.rows["eps"] == eps)].set_index("sample")
    return rows[(rows["status"] == "ok") & rows["shift"].notna()] if record.task == "quality" else rows


def _shifts(both: pd.DataFrame, attack: str, eps_text: str, *, clean: bool) -> list[Comparison]:
    """Differences of mean |shift|, and of clean rank correlation; intervals resample what was sampled independently."""
    groups = both["group_1"].to_numpy("int64")
    scores = [both[f"clean_{side}"].to_numpy(float) for side in (1, 2)]
    noisy = [both[f"noise_1_{side}"].to_numpy(float) for side in (1, 2)]
    attacked = [score + both[f"shift_{side}"].to_numpy(float) for side, score in zip((1, 2), scores, strict=True)]
    found = []
    if clean:
        labels = both["label_1"].to_numpy(float)
        found.append(_estimated("clean", "", [quality.srcc(score, labels) for score in scores], groups))
    for what, moved in (("noise", noisy), (attack, attacked)):
        sizes = [quality.absolute_shift(score, one) for score, one in zip(scores, moved, strict=True)]
        found.append(_estimated(what, eps_text, sizes, groups))
    return found


def _estimated(what: str, eps_text: str, sides: list[Statistic], groups: NDArray[np.int64]) -> Comparison:
    first, second = (float(side(ones(len(groups)))[0]) for side in sides)
    found = quality.estimate(lambda weights: sides[0](weights) - sides[1](weights), len(groups), groups=groups)
    return Comparison(what, eps_text, first, second, PairedDifference(found.value, found.low, found.high, found.n, None))


def _one(what: str, eps_text: str, both: pd.DataFrame, column: str) -> Comparison:
    first, second = both[f"{column}_1"].to_numpy(float), both[f"{column}_2"].to_numpy(float)
    return Comparison(what, eps_text, float(first.mean()), float(second.mean()), paired_difference(first, second))

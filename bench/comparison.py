"""Comparing two records on the samples they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import RecordError
from bench.metrics.statistics import PairedDifference, paired_difference
from bench.record import Record, read_record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Accuracy of the first record minus that of the second, paired on ``n`` samples.

    what: ``clean``, ``noise`` or an attack's spec. eps_text: radius, empty for ``clean``.
    """

    what: str
    eps_text: str
    first: float
    second: float
    difference: PairedDifference


def compare(first: Record | Path | str, second: Record | Path | str) -> list[Comparison]:
    """Paired differences for everything both records measured.

    Raises :class:`~bench.errors.RecordError` if they share no data set, no samples or no attack at the same radius.
    """
    a, b = (r if isinstance(r, Record) else read_record(Path(r)) for r in (first, second))
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
        left, right = (r.rows[(r.rows["attack"] == attack) & (r.rows["eps"] == eps)].set_index("sample") for r in (a, b))
        both = left.join(right, how="inner", lsuffix="_1", rsuffix="_2")
        if both.empty:
            raise RecordError("The records share no samples.", "Evaluate both on the same samples.")
        if (both["label_1"] != both["label_2"]).any():
            raise RecordError("The records disagree about labels.", "Evaluate both on the same data.")
        if position == 0:
            found.append(_one("clean", "", both, "clean_correct"))
        found.append(_one("noise", str(eps_text), both, "noise_1"))
        found.append(_one(str(attack), str(eps_text), both, "robust"))
    return found


def _one(what: str, eps_text: str, both: pd.DataFrame, column: str) -> Comparison:
    first, second = both[f"{column}_1"].to_numpy(float), both[f"{column}_2"].to_numpy(float)
    return Comparison(what, eps_text, float(first.mean()), float(second.mean()), paired_difference(first, second))

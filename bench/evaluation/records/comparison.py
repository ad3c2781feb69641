"""Compares two records on their common samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.evaluation.records.storage import read_record
from bench.foundation.errors import RecordError
from bench.tasks.comparison import Comparison, Comparisons
from bench.tasks.lookup import task_named
from bench.tasks.record import Record

if TYPE_CHECKING:
    import pandas as pd


def compare(first: Record | Path | str, second: Record | Path | str) -> Comparisons:
    """Paired differences of all figures that both records have.

    Raises ``RecordError`` if they are of other tasks, data or norms, or share no samples or no attack at the same radius.
    """
    first_record, second_record = (
        record if isinstance(record, Record) else read_record(Path(record)) for record in (first, second)
    )
    _check_kind(first_record, second_record)
    keys = ["attack", "eps", "eps_text"]
    shared = (
        first_record.rows[keys].drop_duplicates().merge(second_record.rows[keys].drop_duplicates(), on=["attack", "eps"])
    )
    if shared.empty:
        raise RecordError(
            "The records share no attack at the same radius.", "Evaluate both with the same --attack and --eps."
        )
    rules = task_named(first_record.task).comparison
    comparisons: list[Comparison] = []
    for position, (attack, eps, eps_text) in enumerate(
        zip(shared["attack"], shared["eps"], shared["eps_text_x"], strict=True)
    ):
        left, right = (rules.usable(_rows_of(record, attack, eps)) for record in (first_record, second_record))
        both = left.add_suffix("_1").join(right.add_suffix("_2"), how="inner")
        if both.empty:
            raise RecordError("The records share no samples.", "Evaluate both on the same samples.")
        if (both["label_1"] != both["label_2"]).any():
            raise RecordError("The records disagree about labels.", "Evaluate both on the same data.")
        comparisons += rules.compare(both, str(attack), str(eps_text), position == 0)
    return Comparisons(comparisons, figure=rules.figure, form=rules.form, signed=rules.signed)


def _check_kind(a: Record, b: Record) -> None:
    if a.task != b.task:
        kinds = " and ".join(task_named(record.task).labels for record in (a, b))
        raise RecordError(f"The records are of models that answer {kinds}.", "Compare records of one kind.")
    if (a.data.name, a.data.split, a.norm) != (b.data.name, b.data.split, b.norm):
        raise RecordError(
            f"The records are of {a.data.name}/{a.data.split} in {a.norm} and {b.data.name}/{b.data.split} in {b.norm}.",
            "Compare records of the same data and norm.",
        )


def _rows_of(record: Record, attack: str, eps: float) -> pd.DataFrame:
    """Rows of one attack at one radius, by sample."""
    return record.rows[(record.rows["attack"] == attack) & (record.rows["eps"] == eps)].set_index("sample")

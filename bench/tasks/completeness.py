"""Whether a record has the rows that its protocol asks for, and results that follow from them; the same for every task."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

from bench.foundation.spec import parse_eps
from bench.tasks.results import WORST_CASE

if TYPE_CHECKING:
    import pandas as pd

    from bench.tasks.board import AskedOfAll
    from bench.tasks.record import Record
    from bench.tasks.results import AttackResult

Result = TypeVar("Result", bound="AttackResult")

MEASURED = {"seconds", "stages"}
"""Fields of a result that rows do not determine; what of its stages they do is held against them separately."""


def incomplete(record: Record, protocol: AskedOfAll) -> Iterator[str]:
    """What is missing, or too much: one row per sample, attack and radius, of the same samples everywhere."""
    rows = record.rows
    radii = parse_eps(",".join(protocol.eps), norm=protocol.norm)
    ids: set[int] | None = None
    for spec, eps in product(protocol.specs, radii):
        part = rows[(rows["attack"] == spec) & (rows["eps"] == eps.value)]
        own = set(part["sample"])
        if len(part) != protocol.data.n or len(own) != protocol.data.n:
            yield f"{len(part)} rows of {protocol.data.n} for {spec} at {eps.text}"
        elif ids is not None and own != ids:
            yield f"other samples for {spec} at {eps.text}"
        ids = ids or own
    if len(rows) != protocol.data.n * len(protocol.specs) * len(radii):
        yield "rows of other attacks or radii"


def drift(
    rows: pd.DataFrame,
    results: Sequence[Result],
    worst: Callable[[pd.DataFrame], pd.DataFrame],
    again: Callable[[pd.DataFrame, Result], Result],
) -> Iterator[str]:
    """Results that do not follow from the rows, in words.

    worst: the worst case over the attacks of one radius. again: computes a result anew from its rows.
    """
    for kept in results:
        own = rows_of(rows, kept, worst)
        if own.empty:
            yield f"a result for {kept.attack} at {kept.eps_text} without rows"
            continue
        for name, value in again(own, kept).model_dump(exclude=MEASURED).items():
            if not same(value, getattr(kept, name)):
                yield f"{name} of {kept.attack} at {kept.eps_text} does not follow from the rows"
    needed = set(rows[["attack", "eps_text"]].itertuples(index=False, name=None))
    if rows["attack"].nunique() > 1:
        needed |= {(WORST_CASE, eps) for _, eps in needed}
    found = [(kept.attack, kept.eps_text) for kept in results]
    if set(found) != needed or len(found) != len(needed):
        yield "results that do not match the rows' attacks and radii"


def rows_of(rows: pd.DataFrame, kept: AttackResult, worst: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """The rows that a result rests on."""
    at_eps = rows[rows["eps"] == kept.eps]
    return worst(at_eps) if kept.attack == WORST_CASE else at_eps[at_eps["attack"] == kept.attack]


def same(value: Any, kept: Any) -> bool:
    """Equal, up to the last digits of floats, in which versions of numpy and scipy differ."""
    if hasattr(kept, "model_dump"):
        kept = kept.model_dump()
    if isinstance(value, dict):
        return isinstance(kept, dict) and value.keys() == kept.keys() and all(same(value[key], kept[key]) for key in value)
    if isinstance(value, float) and isinstance(kept, float):
        return math.isclose(value, kept, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == kept)

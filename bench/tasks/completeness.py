"""Checks, for every task, that a record has the rows its protocol asks for and results that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

from bench.foundation.spec import parse_eps
from bench.tasks.results import WORST_CASE

if TYPE_CHECKING:
    import pandas as pd

    from bench.tasks.board import BoardProtocol
    from bench.tasks.record import Record
    from bench.tasks.results import AttackResult

Result = TypeVar("Result", bound="AttackResult")

MEASURED = {"seconds", "stages"}
"""Fields of a result that rows do not determine; stages are checked separately as far as rows determine them."""


def incomplete(record: Record, protocol: BoardProtocol) -> Iterator[str]:
    """Missing and surplus rows, in words.

    Expected is one row per sample, attack and radius, of the same samples throughout.
    """
    rows = record.rows
    radii = parse_eps(",".join(protocol.eps), norm=protocol.norm)
    ids: set[int] | None = None
    for spec, eps in product(protocol.specs, radii):
        part = rows[(rows["attack"] == spec) & (rows["eps"] == eps.value)]
        part_ids = set(part["sample"])
        if len(part) != protocol.data.n or len(part_ids) != protocol.data.n:
            yield f"{len(part)} rows of {protocol.data.n} for {spec} at {eps.text}"
        elif ids is not None and part_ids != ids:
            yield f"other samples for {spec} at {eps.text}"
        ids = ids or part_ids
    if len(rows) != protocol.data.n * len(protocol.specs) * len(radii):
        yield "rows of other attacks or radii"


def drift(
    rows: pd.DataFrame,
    results: Sequence[Result],
    worst: Callable[[pd.DataFrame], pd.DataFrame],
    again: Callable[[pd.DataFrame, Result], Result],
) -> Iterator[str]:
    """Results that do not follow from the rows, in words.

    worst: the worst case over the attacks of one radius. again: computes a result anew from its rows and the old result.
    """
    for result in results:
        own_rows = rows_of(rows, result, worst)
        if own_rows.empty:
            yield f"a result for {result.attack} at {result.eps_text} without rows"
            continue
        for name, value in again(own_rows, result).model_dump(exclude=MEASURED).items():
            if not same(value, getattr(result, name)):
                yield f"{name} of {result.attack} at {result.eps_text} does not follow from the rows"
    expected = set(rows[["attack", "eps_text"]].itertuples(index=False, name=None))
    if rows["attack"].nunique() > 1:
        expected |= {(WORST_CASE, eps) for _, eps in expected}
    present = [(result.attack, result.eps_text) for result in results]
    if set(present) != expected or len(present) != len(expected):
        yield "results that do not match the rows' attacks and radii"


def rows_of(rows: pd.DataFrame, result: AttackResult, worst: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """The rows from which a result is computed."""
    at_eps = rows[rows["eps"] == result.eps]
    return worst(at_eps) if result.attack == WORST_CASE else at_eps[at_eps["attack"] == result.attack]


def same(value: Any, recorded: Any) -> bool:
    """Whether both are equal, except for the last digits of floats, in which versions of numpy and scipy differ."""
    if hasattr(recorded, "model_dump"):
        recorded = recorded.model_dump()
    if isinstance(value, dict):
        return (
            isinstance(recorded, dict)
            and value.keys() == recorded.keys()
            and all(same(value[key], recorded[key]) for key in value)
        )
    if isinstance(value, float) and isinstance(recorded, float):
        return math.isclose(value, recorded, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == recorded)

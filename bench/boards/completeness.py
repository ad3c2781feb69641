"""Whether a record has the rows that its protocol asks for; the same for every task."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from bench.spec import parse_eps

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.record import Record


def incomplete(record: Record, protocol: Protocol) -> Iterator[str]:
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


def same(value: Any, kept: Any) -> bool:
    """Equal, up to the last digits of floats, in which versions of numpy and scipy differ."""
    if hasattr(kept, "model_dump"):
        kept = kept.model_dump()
    if isinstance(value, dict):
        return isinstance(kept, dict) and value.keys() == kept.keys() and all(same(value[key], kept[key]) for key in value)
    if isinstance(value, float) and isinstance(kept, float):
        return math.isclose(value, kept, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == kept)

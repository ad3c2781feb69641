"""Which calls of a forward are the same neurons, one step later.

Calls from the same lines in the same module belong together. Where a loop over layers makes even those the same for
several layers, the graph tells them apart: the potential of a step is reached from the potential, or from the spikes, of
the step before by element-wise operations only (see :mod:`attacks.gradients.spikes.graph`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attacks.gradients.spikes.graph import edges, is_elementwise
from attacks.gradients.spikes.recording import Heard


@dataclass(frozen=True)
class Link:
    """layer: number, shared by the calls of the same neurons. previous: the call one step before. resets: whether the
    gradient flows from this call's potential to the spikes of the previous one.
    """

    layer: int
    previous: int | None
    resets: bool


def linked(calls: Sequence[Heard], sources: Sequence[int | None]) -> list[Link | None]:
    """Links of the calls. sources: which argument of each is the potential; None for calls to leave out."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, (call, source) in enumerate(zip(calls, sources, strict=True)):
        if source is not None:
            groups[call.key].append(number)
    links: list[Link | None] = [None] * len(calls)
    layers = 0
    for numbers in groups.values():
        nodes = {number: calls[number].inputs[sources[number] or 0].grad_fn for number in numbers}
        previous = _previous(numbers, calls, nodes)
        for number in numbers:
            before, resets = previous[number]
            if before is None:
                layer, layers = layers, layers + 1
            else:
                known = links[before]
                layer = 0 if known is None else known.layer
            links[number] = Link(layer, before, resets)
    return links


def _previous(numbers: list[int], calls: Sequence[Heard], nodes: dict[int, Any]) -> dict[int, tuple[int | None, bool]]:
    """For each call of a group the one a step before it, and whether the reset lets gradients through."""
    anchors: dict[Any, int] = {}
    spikes: dict[Any, int] = {}
    found: dict[int, tuple[int | None, bool]] = {}
    for number in numbers:
        through: dict[int, bool] = {}
        for node, _, source in edges(nodes[number], set()):
            for reached in (node, source):
                if reached in anchors:
                    through.setdefault(anchors[reached], False)
            if source in spikes:
                through[spikes[source]] = True
        before = max(through) if through else None
        found[number] = (before, before is not None and through[before])
        for anchor in _chain(nodes[number]):
            anchors[anchor] = number
        spikes[calls[number].context] = number
    if any(before is not None for before, _ in found.values()):
        return found
    # Nothing in the graph ties them: neurons without a state, or with a state that is detached.
    return {number: (numbers[i - 1] if i else None, False) for i, number in enumerate(numbers)}


def _chain(node: Any) -> list[Any]:
    """``node`` and what it is made of, up to the first sum: ``u - threshold`` leads to u."""
    chain = []
    while node is not None and is_elementwise(node):
        chain.append(node)
        sources = [source for source, _ in node.next_functions if source is not None]
        if len(sources) != 1:
            break
        node = sources[0]
    return chain

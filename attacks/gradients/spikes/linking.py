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
from attacks.gradients.spikes.judging import Judged
from attacks.gradients.spikes.recording import Heard


@dataclass(frozen=True)
class Link:
    """layer: number, shared by the calls of the same neurons. previous: the call one step before. resets: whether the
    gradient flows from this call's potential to the spikes of the previous one.
    """

    layer: int
    previous: int | None
    resets: bool


def linked(calls: Sequence[Heard], judgements: Sequence[Judged]) -> list[Link | None]:
    """Links of the calls; None for those that are no steps."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    nodes: dict[int, Any] = {}
    spikes: dict[int, tuple[Any, int]] = {}
    for number, (call, judgement) in enumerate(zip(calls, judgements, strict=True)):
        if judgement.step is not None:
            groups[call.key].append(number)
            nodes[number] = call.nodes[judgement.step.source]
            spikes[number] = (call.context, judgement.output or 0)
    links: list[Link | None] = [None] * len(calls)
    layers = 0
    for numbers in groups.values():
        previous = _previous(numbers, nodes, spikes)
        for number in numbers:
            before, resets = previous[number]
            if before is None:
                layer, layers = layers, layers + 1
            else:
                known = links[before]
                layer = 0 if known is None else known.layer
            links[number] = Link(layer, before, resets)
    return links


def _previous(
    numbers: list[int], nodes: dict[int, Any], spikes: dict[int, tuple[Any, int]]
) -> dict[int, tuple[int | None, bool]]:
    """For each call of a group the one a step before it, and whether the reset lets gradients through.

    nodes: of the potentials. spikes: nodes of the calls, and which of their outputs is the spike.
    """
    anchors: dict[Any, int] = {}
    emitted: dict[Any, int] = {}
    links: dict[int, tuple[int | None, bool]] = {}
    for number in numbers:
        through: dict[int, bool] = {}
        for node, _, source, output in edges(nodes[number], set()):
            for reached in (node, source):
                if reached in anchors:
                    through.setdefault(anchors[reached], False)
            if source in emitted:
                before = emitted[source]
                through[before] = through.get(before, False) or output == spikes[before][1]
        latest = max(through) if through else None
        links[number] = (latest, latest is not None and through[latest])
        for anchor in _chain(nodes[number]):
            anchors[anchor] = number
        emitted[spikes[number][0]] = number
    if any(before is not None for before, _ in links.values()):
        return links
    # Nothing in the graph ties them: neurons without a state, or with a state that is detached.
    return {number: (numbers[i - 1] if i else None, False) for i, number in enumerate(numbers)}


def _chain(node: Any) -> list[Any]:
    """``node`` and what it is made of, up to the first sum or layer: ``u - threshold`` leads to u."""
    chain = []
    while node is not None:
        chain.append(node)
        sources = [source for source, _ in node.next_functions if source is not None]
        if len(sources) != 1 or not is_elementwise(node):
            break
        node = sources[0]
    return chain

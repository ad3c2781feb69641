"""Walking back from a potential to the spikes before it, without passing through a layer.

The reset ties the potential of a step to the spikes of the step before by element-wise operations only: products, sums,
selections. A recurrent or a following layer ties them by a matrix. So whatever is reached by element-wise nodes alone is
the neuron's own state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor
from torch.autograd.function import BackwardCFunction

ELEMENTWISE = (
    "Add",
    "Sub",
    "Rsub",
    "Mul",
    "Div",
    "Neg",
    "Addcmul",
    "Addcdiv",
    "Lerp",
    "Where",
    "MaskedFill",
    "Clamp",
    "Relu",
    "Maximum",
    "Minimum",
    "Sigmoid",
    "Tanh",
    "Exp",
    "Pow",
    "Copy",
    "ToCopy",
    "Clone",
    "Alias",
    "View",
    "UnsafeView",
    "Reshape",
    "ReshapeAlias",
    "Squeeze",
    "Unsqueeze",
    "Expand",
)


def is_elementwise(node: Any) -> bool:
    """Whether a node of the graph treats each unit by itself."""
    if isinstance(node, BackwardCFunction):  # a Function written in Python, whatever its name
        return False
    name = type(node).__name__.rstrip("0123456789").removesuffix("Backward")
    # A script's operations are one node once it has been compiled: what libraries script are neurons.
    return name in ELEMENTWISE or node.name().endswith("DifferentiableGraphBackward")


def edges(start: Any, walked: set[Any]) -> Iterator[tuple[Any, int, Any, int]]:
    """Edges ``(node, which of its inputs, source, which of its outputs)`` reached from ``start``.

    The way leads through element-wise nodes that are not in ``walked``; those that are passed are added to it.
    """
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node is None or node in walked or not is_elementwise(node):
            continue
        walked.add(node)
        for position, (source, output) in enumerate(node.next_functions):
            if source is not None:
                yield node, position, source, output
                waiting.append(source)


def cut_off(start: Any, spikes: tuple[Any, int], walked: set[Any]) -> None:
    """Let no gradient flow from the node ``start`` to ``spikes``, an output of a node, through the neuron's own state.

    The cut is where the reset meets the rest of the potential, not where it leaves the spikes: what is computed from the
    spikes in between, such as their product with the threshold, may be sent to the next layer as well.
    """
    passed = list(edges(start, walked))
    of_reset = _made_of(spikes, passed) - {start}
    for node, position, source, output in passed:
        reaches = source in of_reset or (source is spikes[0] and output == spikes[1])
        if reaches and node not in of_reset:
            node.register_hook(_without(position))


def _made_of(spikes: tuple[Any, int], passed: Sequence[tuple[Any, int, Any, int]]) -> set[Any]:
    """Nodes that are computed from ``spikes`` and from parameters alone."""
    sources: dict[Any, list[tuple[Any, int]]] = {}
    for node, _, source, output in passed:
        sources.setdefault(node, []).append((source, output))
    made: set[Any] = set()
    while True:
        more = {
            node
            for node, given in sources.items()
            if node not in made and _all_from(given, spikes, made) and any(_is_from(item, spikes, made) for item in given)
        }
        if not more:
            return made
        made |= more


def _all_from(given: Sequence[tuple[Any, int]], spikes: tuple[Any, int], made: set[Any]) -> bool:
    return all(_is_from(item, spikes, made) or item[0].name().endswith("AccumulateGrad") for item in given)


def _is_from(item: tuple[Any, int], spikes: tuple[Any, int], made: set[Any]) -> bool:
    return item[0] in made or (item[0] is spikes[0] and item[1] == spikes[1])


def _without(position: int) -> Any:
    def hook(inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if i == position else grad for i, grad in enumerate(inputs))

    return hook

"""Steps that are written without a Function: comparisons turned into numbers, signs, roundings.

Their slope is zero, or made up by adding and subtracting detached terms (``hard.detach() + soft - soft.detach()``), and
nothing can be put in its place. They are seen while the network runs: every operation passes by, and what compares a real
number that depends on the input and answers with two numbers, or rounds it, is written down with its line. What is
not written down: what a known Function does inside; masks of resets, which repeat what a known spike function said; a mask
``x > 0`` by which x itself is multiplied, which is a rectifier.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from attacks.gradients.spikes.calling import computing
from attacks.gradients.spikes.recording import innermost

COMPARISONS = {"gt", "ge", "lt", "le", "eq", "ne"}
ROUNDINGS = {
    "heaviside",
    "sign",
    "sgn",
    "round",
    "floor",
    "ceil",
    "trunc",
    "floor_divide",
    "bernoulli",
    "fake_quantize_per_tensor_affine",
}
WHOLE = "a cast to whole numbers"
LOGIC = {"logical_not", "logical_and", "logical_or", "bitwise_not", "bitwise_and", "bitwise_or"}
FEW = 8
"""A tensor with at most this many values may be spikes already."""


@dataclass
class Sighting:
    """An operation that made a step. pattern: of its output, or of the opposite. seen: the values that were compared, if
    there were few. compared: what was compared. zero: whether it was compared with zero.
    """

    what: str
    place: str
    pattern: frozenset[str]
    seen: frozenset[float] | None
    compared: Tensor
    zero: bool
    rectifies: bool = False


@dataclass
class _Answered:
    """A comparison's answer, which may become numbers later."""

    what: str
    compared: Tensor
    zero: bool
    answer: Tensor


@dataclass(eq=False)
class Watch(TorchDispatchMode):
    """A mode that writes down the steps made in it."""

    sightings: list[Sighting] = field(default_factory=list)
    answers: dict[int, _Answered] = field(default_factory=dict)
    numbers: dict[int, tuple[Tensor, Sighting]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing here is compiled, and shielding the mode from torch's compiler would import it (2 s)."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        result = out[0] if isinstance(out, tuple) and out else out
        if not computing() and isinstance(result, Tensor) and result.numel():
            tensors = [value for value in args if isinstance(value, Tensor)]
            if tensors:
                name = func.overloadpacket.__name__.rstrip("_").removesuffix("_cachemask")
                if name == "div" and (kwargs or {}).get("rounding_mode"):
                    name = "floor_divide"
                self._look(name, str(func.namespace), args, tensors, result)
        return out

    def _look(self, name: str, namespace: str, args: tuple[Any, ...], tensors: list[Tensor], out: Tensor) -> None:
        first = tensors[0]
        known = [self.answers[id(value)] for value in tensors if id(value) in self.answers]
        if name in COMPARISONS and first.is_floating_point():
            answered = _Answered(f"a comparison ({name})", first, _is_zero(args[1]), out)
            if out.is_floating_point():
                self._sighted(answered, out)
            else:
                self.answers[id(out)] = answered
        elif name in ROUNDINGS and out.is_floating_point():
            self._sighted(_Answered(name, first, False, out), out)
        elif name == "_to_copy" and first.is_floating_point() and not out.is_floating_point():
            self.answers[id(out)] = _Answered(WHOLE, first, False, out)
        elif known and not out.is_floating_point():
            if name in LOGIC or out.dtype == torch.bool:
                self.answers[id(out)] = _Answered(known[0].what, known[0].compared, known[0].zero, out)
        elif known and (len(out.unique()) == 2 or known[0].what == WHOLE):
            self._sighted(known[0], out)
        elif namespace != "aten" and out.is_floating_point() and len(out.unique()) == 2:
            self._sighted(_Answered(f"{namespace}::{name}", first, False, out), out)
        if name == "mul" and len(tensors) == 2:
            self._multiplied(*tensors)

    def _sighted(self, answered: _Answered, out: Tensor) -> None:
        place, strange = innermost(sys._getframe(1))
        values = answered.compared.unique()
        if not strange or len(values) < 2 or len(out.unique()) < 2:
            return
        seen = frozenset(values.tolist()) if len(values) <= FEW else None
        sighting = Sighting(answered.what, place, pattern_of(out), seen, answered.compared, answered.zero)
        self.sightings.append(sighting)
        self.numbers[id(out)] = (out, sighting)

    def _multiplied(self, a: Tensor, b: Tensor) -> None:
        for mask, other in ((a, b), (b, a)):
            sighting = self.numbers.get(id(mask), (None, None))[1]
            if sighting is not None and sighting.zero and _same(sighting.compared, other):
                sighting.rectifies = True


def steps_seen(
    first: list[Sighting], second: list[Sighting], spikes: frozenset[str], levels: frozenset[float]
) -> Iterator[tuple[str, str]]:
    """What the steps are and where, each place once, of two runs on different inputs.

    spikes: patterns of what known spike functions said in the first run. levels: their values.
    """
    constant = Counter((s.what, s.place, s.pattern) for s in second)
    places = set()
    for sighting in first:
        independent = constant[sighting.what, sighting.place, sighting.pattern] > 0
        repeats = bool(sighting.pattern & spikes) or (sighting.seen is not None and sighting.seen <= levels)
        if not (independent or repeats or sighting.rectifies or (sighting.what, sighting.place) in places):
            places.add((sighting.what, sighting.place))
            yield sighting.what, sighting.place


def pattern_of(x: Tensor) -> frozenset[str]:
    """Which entries of ``x``, of any shape, exceed its least value, and which do not, as two digests."""
    high = x.detach() > x.detach().min()
    return frozenset(hashlib.sha256(bits.cpu().numpy().tobytes()).hexdigest() for bits in (high, ~high))


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1 and float(value) == 0
    return bool(value == 0)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.data_ptr() == b.data_ptr() and a.stride() == b.stride()

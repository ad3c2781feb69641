"""What a step function does: where its cuts are, and how high it jumps there.

    f(u) = low + height * (number of cuts at or below u)

One cut gives a spike (0 or 1, 0 or a threshold, -1 or 1). Evenly spaced cuts give a count of spikes, as in neurons that
may fire several times in one step; the cut that matters to a unit is then the nearest one. The cuts are found by calling
the function: first on numbers that cover what it saw and its surroundings, then on ever closer ones around each jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MOST_LEVELS = 64
"""A function with more values than this is not taken for a step."""
FEW = 8
"""What makes so few values of many is a step of some kind, whatever the shapes."""
POINTS = 1024
"""Numbers on which a function is tried at first."""
CLOSER = (1, 16, 256)
"""How much closer to zero it is tried then: a small threshold puts many cuts into a wide range."""

Evaluate = Callable[[tuple[Any, ...]], Tensor]
"""The function itself: its arguments to the output in question."""


class NotAStep(ValueError):
    """The function takes few values and yet is no step that an attacker could differentiate; the text says why."""


@dataclass(frozen=True)
class Step:
    """A step of one argument of a function.

    source: which argument is compared. operand: which argument is subtracted from it first (a threshold that is handed
    over as a tensor); None for none. cut: the first cut, in units of that difference. low: the value below it.
    height: of each jump; negative where the function falls. spacing: between cuts; None if there is one. count: how many
    cuts there are; None for no end. endless: whether there are also cuts below the first one, without end.
    passes_on: whether the function's own backward has a gradient for the operand.
    """

    source: int
    cut: float
    low: float
    height: float
    operand: int | None = None
    spacing: float | None = None
    count: int | None = 1
    endless: bool = False
    passes_on: bool = False

    def compared(self, inputs: tuple[Any, ...]) -> Tensor:
        """What is compared with the cuts, of the shape of the source."""
        source: Tensor = inputs[self.source].detach()
        return source if self.operand is None else source - inputs[self.operand].detach()

    def nearest(self, compared: Tensor) -> Tensor:
        """``compared``, of any shape, moved by whole spacings so that the cut nearest to it becomes the first one."""
        if self.spacing is None:
            return compared
        steps = _within(((compared - self.cut) / self.spacing).round_(), self.endless, self.count, 1)
        return compared - self.spacing * steps

    def predicted(self, compared: Tensor) -> Tensor:
        """What the function answers, of the shape of ``compared``; at a cut itself either value is right."""
        if self.spacing is None:
            passed = (compared >= self.cut).to(compared.dtype)
        else:
            passed = _within(((compared - self.cut) / self.spacing).floor_() + 1, self.endless, self.count, 0)
        return self.low + self.height * passed


def _within(numbers: Tensor, endless: bool, count: int | None, less: int) -> Tensor:
    """Whole numbers between 0, unless ``endless``, and ``count - less``, if there is a count."""
    least, most = None if endless else 0, None if count is None else count - less
    return numbers if least is None and most is None else numbers.clamp_(least, most)


def step_of(evaluate: Evaluate, inputs: tuple[Any, ...], output: Tensor) -> Step | None:
    """The step that ``evaluate`` is, judged by one call ``inputs`` -> ``output`` and by further calls.

    output: of any shape; at least one of the inputs has the same.
    None for a function that is no step at all. Raises :class:`NotAStep` for one that takes few values, yet follows no
    cut of a single argument: its slope is made up, and cannot be replaced.
    """
    if not output.is_floating_point() or not output.numel() or len(output.unique()) > MOST_LEVELS:
        return None
    if not torch.equal(evaluate(inputs), output):
        raise NotAStep("answers the same question differently (it draws at random, or remembers)")
    sources = [
        index
        for index, value in enumerate(inputs)
        if isinstance(value, Tensor) and value.is_floating_point() and value.shape == output.shape
    ]
    if not sources:
        levels = len(output.unique())
        if 1 < levels <= FEW and output.numel() > 8 * levels and any(_is_rich(value) for value in inputs):
            raise NotAStep(f"takes {levels} values, and no input has the shape of the output")
        return None
    discrete = False
    for source in sources:
        for closer in CLOSER:
            for operand in (*_operands(inputs, source), None):
                measured = _measured(evaluate, inputs, source, operand, closer)
                if measured is None:
                    continue
                discrete = discrete or closer == 1
                step = _fitted(measured, source, operand)
                if step is not None and fits(step, inputs, output):
                    return step
    if discrete:
        raise NotAStep(f"takes {len(output.unique())} values, but follows no cut of a single input")
    return None


def _is_rich(value: Any) -> bool:
    """Whether an argument takes more values than a step does."""
    return isinstance(value, Tensor) and value.is_floating_point() and len(value.unique()) > MOST_LEVELS


def _operands(inputs: tuple[Any, ...], source: int) -> list[int]:
    """Arguments that may be a threshold: other tensors of real numbers that fit beside the source."""
    fitting = []
    for index, value in enumerate(inputs):
        if index != source and isinstance(value, Tensor) and value.is_floating_point():
            try:
                fits = torch.broadcast_shapes(value.shape, inputs[source].shape) == inputs[source].shape
            except RuntimeError:
                fits = False
            fitting += [index] if fits else []
    return fitting


@dataclass(frozen=True)
class _Measured:
    """Pairs of what was compared (ascending) and what came out; ``at(values)`` asks for more.

    scale: of the numbers that were added up to ask, within whose rounding a cut is known.
    """

    values: Tensor
    answers: Tensor
    at: Callable[[Tensor], Tensor]
    scale: float


def _measured(
    evaluate: Evaluate, inputs: tuple[Any, ...], source: int, operand: int | None, closer: int
) -> _Measured | None:
    """The function on an even grid; None if it takes many values there, or if ``operand`` is no threshold of it."""
    u = inputs[source].detach()
    base = torch.zeros_like(u) if operand is None else inputs[operand].detach().expand_as(u)

    def at(values: Tensor, shift: float = 0.0, moved: float = 0.0) -> Tensor:
        """Answers for ``values`` ``(m,)``, dealt out over the units; shift is added to both arguments, moved to one."""
        parts = []
        for part in values.split(max(1, u.numel())):
            dealt = part.repeat(-(-u.numel() // len(part)))[: u.numel()].view(u.shape)
            arguments = list(inputs)
            arguments[source] = dealt + base + shift
            if operand is not None:
                arguments[operand] = inputs[operand].detach() + shift + moved
            parts.append(evaluate(tuple(arguments)).flatten()[: len(part)])
        return torch.cat(parts)

    reach = 4 * max(1.0, float(u.abs().max()), float(base.abs().max())) / closer
    values = torch.linspace(-reach, reach, POINTS + 1, dtype=u.dtype, device=u.device)
    answers = at(values)
    if len(answers.unique()) > MOST_LEVELS or not bool(answers.isfinite().all()):
        return None
    if operand is not None:
        step = 0.25 * reach
        same = (at(values, shift=step) == answers).double().mean() > 0.98
        moves = not torch.equal(at(values, moved=step), answers)
        if not (same and moves):
            return None
    return _Measured(values, answers, at, float(base.abs().max()))


def _fitted(measured: _Measured, source: int, operand: int | None) -> Step | None:
    """One cut, or evenly spaced ones, through what was measured; None if nothing of that kind fits."""
    answers = measured.answers
    jumps = (answers[1:] != answers[:-1]).nonzero()[:, 0].tolist()
    heights = [float(answers[i + 1] - answers[i]) for i in jumps]
    if not jumps or not all(abs(height - heights[0]) <= 1e-4 * abs(heights[0]) for height in heights):
        return None
    cuts = [_between(measured, i) for i in jumps[:3]]
    low, first = float(answers[0]), cuts[0]
    if len(jumps) == 1:
        return Step(source, first, low, heights[0], operand)
    spacing = _simplest(cuts[1] - first, 1e-5 * max(1.0, abs(cuts[1] - first)))
    reached = [first + spacing * k for k in range(len(jumps))]
    edges = [(float(measured.values[i]), float(measured.values[i + 1])) for i in jumps]
    slack = 1e-4 * spacing
    if not all(low - slack <= cut <= high + slack for cut, (low, high) in zip(reached, edges, strict=True)):
        return None
    above, below = (measured.at(measured.values[end : end + 1 or None] * 64) != measured.answers[end] for end in (-1, 0))
    return Step(source, first, low, heights[0], operand, spacing, None if bool(above) else len(jumps), bool(below))


def _between(measured: _Measured, index: int) -> float:
    """Where the function jumps between the values ``index`` and ``index + 1``."""
    low, high = measured.values[index].double(), measured.values[index + 1].double()
    below, dtype = measured.answers[index], measured.values.dtype
    resolution = torch.finfo(dtype).eps
    for _ in range(40):
        scale = max(float(low.abs()), float(high.abs()), measured.scale, 1e-6)
        if float(high - low) <= 2 * resolution * scale:
            break
        tried = torch.linspace(float(low), float(high), 34, dtype=torch.float64)[1:-1].to(dtype)
        stays = int((measured.at(tried.to(measured.values.device)) == below).sum())
        low, high = (
            tried[stays - 1].double() if stays else low,
            tried[stays].double() if stays < len(tried) else high,
        )
    return _simplest(float(low + high) / 2, float(high - low) / 2 + resolution * max(float(high.abs()), measured.scale))


def _simplest(value: float, slack: float) -> float:
    """The number with the fewest decimals within ``slack`` of ``value``."""
    return next((short for digits in range(12) if abs((short := round(value, digits)) - value) <= slack), value)


def fits(step: Step, inputs: tuple[Any, ...], output: Tensor) -> bool:
    """Whether the step gives the very output, of the shape of its source, except within rounding of a cut."""
    compared = step.compared(inputs)
    distance = (step.nearest(compared) - step.cut).abs()
    near = distance <= 16 * torch.finfo(compared.dtype).eps * compared.abs().clamp_min(1.0)
    right = (step.predicted(compared) - output.detach()).abs() <= 1e-5 * abs(step.height)
    return bool((right | near).all())

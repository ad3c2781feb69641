"""Adversarial training (Madry et al., ICLR 2018), by default in its single-step form with a
random start (Wong et al., ICLR 2020), the form that the other SNN defenses use.

Examples are crafted in eval mode, through the model's own surrogate, with its BatchNorm
statistics frozen; the model is then trained on them alone.

Where an example starts is a choice (``start``), because released codes differ in it:

    uniform   a uniform point of the ball (Wong et al.); every point is projected to ball and box
    image     the image itself: with one step the fast gradient sign method, as in the code of SNN-RAT (NeurIPS 2022)
    noise     the image and normal noise of standard deviation 0.001; every point is clipped to the box and not projected to
              the ball, which it may leave by the noise, as in the code of Robust Stable SNNs (ICML 2024)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.threats.linf import Linf
from zoo.defenses.base import Defense
from zoo.defenses.examples import Examples, TrainingOnExamples, evaluating

Start = Literal["uniform", "image", "noise"]
START_NOISE = 0.001
"""Standard deviation of the start ``noise``, in [0, 1] pixel units."""


def ascend(
    model: nn.Module,
    x: Tensor,
    objective: Callable[[Tensor], Tensor],
    *,
    eps: float,
    steps: int,
    step_size: float | None,
    generator: torch.Generator,
    start: Start = "uniform",
) -> Tensor:
    """Signed gradient ascent, in the linf ball around ``x`` and in the box; only in the box where it starts with ``noise``.

    objective: logits ``(n, K)`` to the scalar to climb, a sum over rows. eps, step_size: [0, 1] pixel units;
    a step_size of None means 2.5 * eps / steps for several steps, and for one 1.25 * eps, or eps from ``noise``.
    Returns examples ``(n, C, H, W)``, detached. The model is in eval mode meanwhile.
    """
    threat = Linf(eps=eps)

    def feasible(points: Tensor) -> Tensor:
        return points.clamp(0, 1) if start == "noise" else threat.project(points, x)

    single = eps if start == "noise" else 1.25 * eps
    step = step_size or (single if steps == 1 else 2.5 * eps / max(steps, 1))
    adv = _first(x, eps, start, generator)
    adv = adv if start == "noise" else feasible(adv)
    with evaluating(model):
        for _ in range(steps):
            leaf = adv.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(objective(model(leaf)), leaf)
            adv = feasible(adv + step * gradient.sign())
    return adv.detach()


def _first(x: Tensor, eps: float, start: Start, generator: torch.Generator) -> Tensor:
    """Where the ascent from images ``x`` begins, not yet projected."""
    if start == "image":
        return x
    if start == "noise":
        return x + START_NOISE * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x + (2 * noise - 1) * eps


def check_start(start: str) -> None:
    """Raises ``ValueError`` unless ``start`` is one of the starts of :func:`ascend`."""
    if start not in get_args(Start):
        raise ValueError(f"unknown start {start!r}; known: {', '.join(get_args(Start))}")


@dataclass(frozen=True, kw_only=True)
class LinfExamples(Examples):
    """Projected gradient ascent on the cross-entropy.

    eps: linf radius in [0, 1] pixel units. steps: gradient steps; 0 trains on the start alone, by default uniform noise.
    step_size, start: see :func:`ascend`.
    """

    eps: float = 4 / 255
    steps: int = 1
    step_size: float | None = None
    start: Start = "uniform"

    def __post_init__(self) -> None:
        check_start(self.start)

    def craft(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Adversarial examples ``(n, C, H, W)``; see :func:`ascend`."""

        def objective(logits: Tensor) -> Tensor:
            return F.cross_entropy(logits, y, reduction="sum")

        return ascend(
            model,
            x,
            objective,
            eps=self.eps,
            steps=self.steps,
            step_size=self.step_size,
            generator=generator,
            start=self.start,
        )


@dataclass(frozen=True, kw_only=True)
class AdversarialTraining(LinfExamples, TrainingOnExamples):
    """``CE(f(x'), y)``, where x' are :class:`LinfExamples` with the same fields."""


@dataclass(frozen=True, kw_only=True)
class AgainstExamples(Defense):
    """A defense whose loss may need adversarial inputs, which the same card words describe in each such defense.

    eps: of linf examples, in [0, 1] pixel units, with ``steps`` and ``start`` of :class:`LinfExamples`; 0 for none of them.
    examples: inputs that are made adversarial in another way.
    Raises ``ValueError`` for a negative radius, an unknown start, and for examples beside a radius.
    """

    eps: float = 0.0
    steps: int = 1
    start: Start = "uniform"
    examples: Examples | None = None

    def __post_init__(self) -> None:
        check_start(self.start)
        if not self.eps >= 0:
            raise ValueError(f"a radius must not be negative, got {self.eps}")
        if self.eps and self.examples is not None:
            raise ValueError(
                "adversarial inputs are made in one way: give either examples or a radius eps, and eps 0 beside them"
            )

    @property
    def crafting(self) -> Examples | None:
        """How inputs are made adversarial; None where the defense trains on none such."""
        return LinfExamples(eps=self.eps, steps=self.steps, start=self.start) if self.eps else self.examples

    def trained_on(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """The inputs in whose place the loss is taken: examples of ``x``, or ``x`` itself. See :meth:`Examples.craft`."""
        return x if self.crafting is None else self.crafting.craft(model, x, y, generator=generator)

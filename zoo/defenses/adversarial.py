"""Adversarial training (Madry et al., ICLR 2018), by default in its single-step form with a
random start (Wong et al., ICLR 2020), the form that the other SNN defenses use.

Examples are crafted in eval mode, through the model's own surrogate, with its BatchNorm
statistics frozen; the model is then trained on them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.threats.linf import Linf
from zoo.defenses.base import Defense


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in eval mode inside the block; afterwards every module is back in its former mode."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def ascend(
    model: nn.Module,
    x: Tensor,
    objective: Callable[[Tensor], Tensor],
    *,
    eps: float,
    steps: int,
    step_size: float | None,
    generator: torch.Generator,
) -> Tensor:
    """Signed gradient ascent from a uniform random start, in the linf ball around ``x`` and in the box.

    objective: logits ``(n, K)`` to the scalar to climb, a sum over rows. eps, step_size: [0, 1] pixel units;
    a step_size of None means 1.25 * eps for one step and 2.5 * eps / steps for more.
    Returns examples ``(n, C, H, W)``, detached. The model is in eval mode meanwhile.
    """
    threat = Linf(eps=eps)
    step = step_size or (1.25 * eps if steps == 1 else 2.5 * eps / max(steps, 1))
    noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    adv = threat.project(x + (2 * noise - 1) * eps, x)
    with evaluating(model):
        for _ in range(steps):
            leaf = adv.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(objective(model(leaf)), leaf)
            adv = threat.project(adv + step * gradient.sign(), x)
    return adv.detach()


@dataclass(frozen=True, kw_only=True)
class AdversarialTraining(Defense):
    """``CE(f(x'), y)``, where x' results from projected gradient ascent on the loss.

    eps: linf radius in [0, 1] pixel units. steps: gradient steps; 0 trains on uniform noise.
    step_size: in pixel units; None means 1.25 * eps for one step and 2.5 * eps / steps for more.
    """

    eps: float = 4 / 255
    steps: int = 1
    step_size: float | None = None

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy of adversarial examples of ``x`` ``(n, C, H, W)``, a scalar, and their logits ``(n, K)``."""
        logits: Tensor = model(self.craft(model, x, y, generator=generator))
        return F.cross_entropy(logits, y), logits

    def craft(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Adversarial examples ``(n, C, H, W)``; see :func:`ascend`."""

        def objective(logits: Tensor) -> Tensor:
            return F.cross_entropy(logits, y, reduction="sum")

        return ascend(model, x, objective, eps=self.eps, steps=self.steps, step_size=self.step_size, generator=generator)

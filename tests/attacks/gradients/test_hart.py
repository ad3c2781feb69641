"""HART: each step receives the mean over time of what arrives, and nothing flows through time."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.gradients.base import Dynamics
from attacks.gradients.hart import HART
from zoo.spiking.kernels import IntegrateAndFire


def test_hart_is_autograd_of_a_loop_whose_time_is_cut_averaged_over_steps() -> None:
    generator = torch.Generator().manual_seed(0)
    current = torch.randn(5, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(5, 3, 4, generator=generator, dtype=torch.float64)
    width, decay = 0.7, 0.8
    spikes = IntegrateAndFire.apply(current, Dynamics(decay=decay), HART(width=width).layer_gradient())
    (gradient,) = torch.autograd.grad((spikes * weights).sum(), current)

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)  # type: ignore[attr-defined]
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx: object, grad: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
            return grad * (width - x.abs()).clamp_min(0) / width**2

    state, loop = torch.zeros(3, 4, dtype=torch.float64), []
    for one in current:
        potential = decay * state.detach() + one
        loop.append(Step.apply(potential - 1))
        state = potential * (1 - loop[-1])
    (per_step,) = torch.autograd.grad((torch.stack(loop) * weights).sum(), current)
    torch.testing.assert_close(gradient, per_step.mean(0).expand(5, 3, 4))
    assert float(gradient.abs().sum()) > 0

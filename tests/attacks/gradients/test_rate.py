"""The rate-based backward: a rectifier of the firing rate."""

from __future__ import annotations

import torch

from attacks.gradients.base import Dynamics, Trace
from attacks.gradients.rate import BPTR, RGA, ThroughMeanCurrent, ThroughRate
from zoo.spiking.kernels import IntegrateAndFire


def test_the_gradient_passes_where_the_neuron_fired_and_is_blocked_where_it_stayed_silent() -> None:
    spikes = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    grad = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    passed = ThroughRate().backward(grad, Trace(spikes, None, Dynamics()))
    assert passed.tolist() == [[1, 0, 3], [4, 0, 6], [7, 0, 9]]


def test_the_rate_gradient_of_a_layer_is_that_of_a_relu_of_its_rate() -> None:
    generator = torch.Generator().manual_seed(0)
    current = torch.randn(6, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    spikes = IntegrateAndFire.apply(current, Dynamics(decay=0.5), BPTR().layer_gradient())
    out = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((spikes.mean(0) * out).sum(), current)
    rate = spikes.detach().mean(0).requires_grad_()
    (expected,) = torch.autograd.grad((rate.relu() * out).sum(), rate)
    torch.testing.assert_close(gradient, (expected / 6).expand(6, 4, 5))
    assert 0 < int((expected == 0).sum()) < 20


def test_the_rga_factor_is_the_papers_for_integrate_and_fire() -> None:
    mean = torch.tensor([-0.5, 0.0, 0.1, 1.0, 2.0, 2.1])
    current = torch.stack([mean - 0.05, mean + 0.05])
    trace = Trace(current, current, Dynamics(decay=1.0))
    passed = ThroughMeanCurrent().backward(torch.ones(2, 6), trace)
    torch.testing.assert_close(passed, torch.tensor([[0.0, 0.2, 0.5, 0.5, 0.5, 0.0]]).expand(2, 6))


def test_the_rga_factor_has_a_gentle_slope_below_the_leak() -> None:
    mean = torch.tensor([0.3, 0.5, 0.51])
    trace = Trace(mean[None], mean[None], Dynamics(decay=0.5))
    passed = ThroughMeanCurrent().backward(torch.ones(1, 3), trace)
    torch.testing.assert_close(passed, torch.tensor([[0.2, 0.2, (1 - 0.2 + 0.1) / 1.5]]))


def test_rga_is_fed_the_current_by_the_layer() -> None:
    current = torch.tensor([[0.5, 3.0], [0.7, 3.0]], requires_grad=True)
    spikes = IntegrateAndFire.apply(current, Dynamics(), RGA().layer_gradient())
    (gradient,) = torch.autograd.grad(spikes.sum(), current)
    assert gradient.tolist() == [[0.5, 0.0], [0.5, 0.0]]

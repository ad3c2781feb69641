"""The rate-based backward: a rectifier of the firing rate."""

from __future__ import annotations

import torch

from attacks.gradients.base import Dynamics, Trace
from attacks.gradients.rate import BPTR, ThroughRate
from zoo.spiking.kernels import IntegrateAndFire


def test_the_gradient_passes_where_the_neuron_fired_and_is_blocked_where_it_stayed_silent() -> None:
    spikes = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    grad = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    passed = ThroughRate().backward(grad, Trace(spikes, spikes, None, Dynamics()))
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

"""PDSG: a Gaussian as wide as the potentials of the sample itself."""

from __future__ import annotations

import math

import torch

from attacks.gradients.base import Dynamics
from attacks.gradients.pdsg import PDSG, spread
from zoo.spiking.kernels import IntegrateAndFire


def test_sigma_is_the_standard_deviation_over_the_steps_so_far_and_space() -> None:
    potential = torch.randn(4, 3, 2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sigma = spread(potential)
    for t in range(4):
        expected = potential[: t + 1, 1, 0].std(correction=0)
        torch.testing.assert_close(sigma[t, 1, 0, 0, 0], expected)


def test_without_space_sigma_is_taken_over_units_and_a_spread_of_zero_counts_as_one() -> None:
    potential = torch.tensor([[[1.0, 3.0], [2.0, 2.0]]])
    assert spread(potential)[0, :, 0].tolist() == [1.0, 1.0]
    assert spread(potential * 2)[0, :, 0].tolist() == [2.0, 1.0]


def test_one_step_gives_the_papers_gaussian_shifted_by_half_a_sigma() -> None:
    current = torch.tensor([[[0.5, 1.0, 1.5, 4.0]]], dtype=torch.float64, requires_grad=True)
    spikes = IntegrateAndFire.apply(current, Dynamics(), PDSG().layer_gradient())
    (gradient,) = torch.autograd.grad(spikes.sum(), current)
    sigma = float(current.detach().std(correction=0))
    x = current.detach() - 1
    expected = torch.exp(-((x - sigma / 2) ** 2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    torch.testing.assert_close(gradient, expected)


def test_the_unit_of_the_threshold_does_not_matter() -> None:
    current = torch.rand(3, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    slopes = []
    for unit in (1.0, 2.0**-30):
        spikes = IntegrateAndFire.apply(current * unit, Dynamics(threshold=unit), PDSG().layer_gradient())
        slopes.append(torch.autograd.grad(spikes.sum(), current)[0])
    torch.testing.assert_close(slopes[1], slopes[0])

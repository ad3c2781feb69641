"""Membrane perturbations against closed forms and loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import settled
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.spiking.filters import leaky_sum
from zoo.spiking.membrane import currents, last_spiking, mean_square, membrane_perturbation
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF

IMAGES = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Repeat(nn.Module):
    """The input itself as current, ``steps`` times, into neurons; spikes averaged over time."""

    def __init__(self, neuron: LIF, steps: int) -> None:
        super().__init__()
        self.neuron, self.steps = neuron, steps

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.neuron(x.expand(self.steps, *x.shape))
        return spikes.mean(0)


def snn() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=3, neuron={"threshold": 0.5, "input_scale": 3}, widths=(4, 4, 4, 4)), IMAGES)


@given(st.floats(0, 1), st.integers(1, 9), st.floats(-2, 2))
def test_a_constant_perturbation_adds_up_to_a_geometric_sum(decay: float, steps: int, delta: float) -> None:
    sums = leaky_sum(torch.full((steps, 2), delta, dtype=torch.float64), decay)
    expected = [delta * sum(decay**k for k in range(t + 1)) for t in range(steps)]
    assert sums[:, 0].tolist() == pytest.approx(expected, abs=1e-12)
    torch.testing.assert_close(mean_square(sums[:, :, None]), (sums**2).mean(0))


def test_the_leaky_sum_is_linear_and_differentiable() -> None:
    x = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: leaky_sum(z, 0.7), (x,))
    torch.testing.assert_close(leaky_sum(3 * x, 0.7), 3 * leaky_sum(x, 0.7))


def test_below_the_threshold_the_true_perturbation_is_the_reset_free_one() -> None:
    model = Repeat(LIF(decay=0.5, threshold=2.0), 3)
    found = membrane_perturbation(model, torch.tensor([[0.1, 0.4]]), torch.tensor([[0.3, 0.4]]))
    by_hand = (0.2**2 + 0.3**2 + 0.35**2) / 6 / 2.0**2
    assert float(found.reset_free) == pytest.approx(by_hand) and float(found.true) == pytest.approx(by_hand)


def test_a_reset_makes_the_difference() -> None:
    model = Repeat(LIF(decay=1.0), 2)
    found = membrane_perturbation(model, torch.tensor([[0.9]]), torch.tensor([[1.0]]))
    assert float(found.reset_free) == pytest.approx((0.1**2 + 0.2**2) / 2)
    assert float(found.true) == pytest.approx((0.1**2 + 0.8**2) / 2)


def test_the_true_perturbation_knows_the_scale_per_step_and_the_reset_free_one_does_not() -> None:
    layer = LIF(decay=0.5, threshold=2.0, input_scale=2)
    with torch.no_grad():
        layer.input_scale.copy_(torch.tensor([2.0, 0.0]))
    found = membrane_perturbation(Repeat(layer, 2), torch.tensor([[0.1]]), torch.tensor([[0.3]]))
    assert float(found.true) == pytest.approx((0.4**2 + 0.2**2) / 2 / 4)
    assert float(found.reset_free) == pytest.approx((0.2**2 + 0.3**2) / 2 / 4)


def test_nothing_moves_nothing_and_rows_are_apart() -> None:
    model = snn()
    same = membrane_perturbation(model, IMAGES, IMAGES)
    assert same.reset_free.tolist() == same.true.tolist() == [0.0] * 5
    other = IMAGES.clone()
    other[2] = 1 - other[2]
    moved = membrane_perturbation(model, IMAGES, other)
    for found in (moved.reset_free, moved.true):
        assert found[2] > 0.01 and found[[0, 1, 3, 4]].max() < 1e-9


def test_currents_are_seen_in_the_graph_and_only_inside_the_block() -> None:
    model = snn().train()
    layer = last_spiking(model)
    assert layer is model.body[9]
    with currents(layer) as seen:
        model(IMAGES)
        model(IMAGES[:2])
    model(IMAGES)
    assert [tuple(one.shape) for one in seen] == [(3, 5, 4, 4, 4), (3, 2, 4, 4, 4)]
    (slope,) = torch.autograd.grad(seen[0].sum(), model.body[3][0].weight)
    assert slope.abs().sum() > 0
    with pytest.raises(RuntimeError, match="inside"), currents(layer):
        raise RuntimeError("inside")
    assert not layer._forward_pre_hooks


def test_a_network_without_spikes_is_refused() -> None:
    with pytest.raises(ValueError, match="no spiking layer"):
        last_spiking(TimeSequential(nn.Linear(2, 2)))

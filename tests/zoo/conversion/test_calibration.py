"""Silencing and offset spikes on single neurons, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.conversion.convert import NEURON
from zoo.conversion.cos import ALWAYS, MARGIN, OffsetSpikes, shifts
from zoo.conversion.srp import ResidualMembrane
from zoo.spiking.neurons import LIF


def sequence(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1)


def test_a_neuron_with_a_negative_residue_is_silent() -> None:
    """Two steps: up by 0.6 to 1.1, a spike, and down by 1 to -0.9. Its mean current is negative, so its source sends 0."""
    layer = ResidualMembrane(tau=2, **NEURON)
    assert layer(sequence(0.6, -1, 0.6, -1)).flatten().tolist() == [1, 0, 0, 0]
    assert layer(sequence(0.6, 0.2, 0.6, -1)).flatten().tolist() == [1, 0, 1, 0]


def test_the_potential_starts_anew_after_calibration() -> None:
    """0.5 + 0.4 = 0.9 is left after one step; it would add up to a spike in the next, but it is dropped."""
    layer = ResidualMembrane(tau=1, **NEURON)
    assert layer(sequence(0.4, 0.4, 0.4)).flatten().tolist() == [0, 0, 1]


def test_calibration_has_no_gradient() -> None:
    current = sequence(0.6, 0.2, 0.6, 0.1).requires_grad_()
    ResidualMembrane(tau=2, **NEURON)(current).sum().backward()
    assert current.grad is not None
    assert current.grad[:2].abs().sum() == 0 and (current.grad[2:] != 0).all()


@pytest.mark.parametrize(
    ("current", "shift", "before", "after"),
    [
        # One spike too many, at m = 1.1: the start sinks by 1.
        ((0.6, -1.0), -1.0, [1, 0], [0, 0]),
        # At m = 2.5 a sink of 1 would leave the spike: it sinks by 1.5 and a margin.
        ((2.0, -3.0), -(1.5 + MARGIN), [1, 0], [0, 0]),
        # One too few: v = -2.5 at the silent step, which a rise of 3.5 and a margin makes a spike; it ends at v = 1.5.
        ((-3.0, 5.0), 3.5 + MARGIN, [0, 1], [1, 1]),
        # Saturated: there is no silent step.
        ((1.5, 1.5), ALWAYS, [1, 1], [1, 1]),
        # Right as it is.
        ((0.6, 0.3), 0.0, [1, 0], [1, 0]),
        # Negative without a spike that could be taken back.
        ((-1.0, -1.0), 0.0, [0, 0], [0, 0]),
    ],
)
def test_shifts_by_hand(current: tuple[float, float], shift: float, before: list[int], after: list[int]) -> None:
    values = sequence(*current)
    layer = OffsetSpikes(rho=2, **NEURON)
    assert float(shifts(values, layer.dynamics)) == pytest.approx(shift)
    assert LIF(**NEURON)(values).flatten().tolist() == before
    assert layer(values).flatten().tolist() == after


def test_later_steps_do_not_shift_and_shifts_have_no_gradient() -> None:
    layer = OffsetSpikes(rho=2, **NEURON)
    current = sequence(0.6, -1, 0.9, 0.9).requires_grad_()
    spikes = layer(current)
    assert spikes[:2].sum() == 0
    moved = current.detach() + sequence(-1, 0, 0, 0)
    plain = moved.requires_grad_()
    wanted = LIF(**NEURON)(plain)
    assert torch.equal(spikes, wanted)
    assert torch.equal(*(torch.autograd.grad(out.sum(), x)[0] for out, x in ((spikes, current), (wanted, plain))))


def test_too_few_steps() -> None:
    with pytest.raises(ValueError, match="4 steps of calibration"):
        OffsetSpikes(rho=4, **NEURON)(sequence(1, 1, 1))
    with pytest.raises(ValueError, match="4 steps of calibration"):
        ResidualMembrane(tau=4, **NEURON)(sequence(1, 1, 1, 1))

"""Membrane stability against a slow computation from its formula."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from support import random_batches
from support.networks import settled
from support.random_batches import seeded
from torch import Tensor, nn

from zoo.architectures.compact import Compact, compact
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.gaussian_noise import GaussianNoise, noisy
from zoo.defenses.membrane_stability import MembraneStability

DECAY = 0.7
batch = partial(random_batches.batch, dtype=torch.float64)


def snn() -> Compact:
    torch.manual_seed(0)
    neuron = {"threshold": 0.5, "decay": DECAY, "input_scale": 3}
    model = compact(steps=3, neuron=neuron, widths=(4, 4, 4, 4)).double()
    return settled(model, batch()[0])  # type: ignore[return-value]


def last_current(model: Compact, x: Tensor) -> Tensor:
    """What the layers below the last spiking one send it, (T, n, ...)."""
    signal = model.normalise(x).expand(3, *x.shape)
    return model.body[:9](signal)


def by_hand(model: Compact, x: Tensor, other: Tensor, y: Tensor, weight: float, share: float) -> Tensor:
    clean, moved = last_current(model, x).detach(), last_current(model, other)
    state, total = torch.zeros_like(moved[0]), 0.0
    for t in range(3):
        state = DECAY * state + clean[t] - moved[t]
        total = total + (state**2).mean() / 3
    return share * F.cross_entropy(model(x), y) + (1 - share) * F.cross_entropy(model(other), y) + weight * total


@pytest.mark.parametrize("eps", [0.0, 8 / 255])
@pytest.mark.parametrize(("weight", "share"), [(1.0, 0.5), (3.0, 0.2)])
def test_equals_the_slow_computation(eps: float, weight: float, share: float) -> None:
    """Loss and parameter gradients, those of the scale per time step included."""
    (x, y), model = batch(), snn()
    craft = AdversarialTraining(eps=eps).craft
    other = craft(model, x, y, generator=seeded()) if eps else noisy(x, 0.1, seeded())
    loss, logits = MembraneStability(weight=weight, share=share, std=0.1, eps=eps).loss(model, x, y, generator=seeded())
    expected = by_hand(model, x, other, y, weight, share)
    torch.testing.assert_close(logits, model(x))
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    found, wanted = (torch.autograd.grad(value, list(model.parameters())) for value in (loss, expected))
    for one, other_one in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other_one, rtol=1e-6, atol=1e-9)


def test_the_total_variation_form_takes_magnitudes() -> None:
    (x, y), model = batch(), snn()
    clean, moved = last_current(model, x), last_current(model, noisy(x, 0.1, seeded()))
    state, total = torch.zeros_like(moved[0]), 0.0
    for t in range(3):
        state = DECAY * state + clean[t] - moved[t]
        total = total + state.abs().mean() / 3
    with_penalty, without = (
        MembraneStability(weight=weight, std=0.1, penalty="absolute").loss(model, x, y, generator=seeded())[0]
        for weight in (2.0, 0.0)
    )
    torch.testing.assert_close(with_penalty - without, 2 * total, rtol=1e-9, atol=0)
    with pytest.raises(ValueError, match="penalty must be"):
        MembraneStability(penalty="l3")  # type: ignore[arg-type]


def test_without_weight_it_is_noise_training() -> None:
    x, y = batch()
    losses = [
        kind.loss(snn().train(), x, y, generator=seeded())[0] for kind in (MembraneStability(weight=0), GaussianNoise())
    ]
    assert torch.equal(*losses)


def test_descending_the_penalty_calms_the_membrane() -> None:
    """In the weights below the last spiking layer the penalty is smooth, so small steps must lower it."""
    (x, y), model = batch(), snn()
    kernel = model.body[8][0].weight
    losses = []
    for _ in range(3):
        loss, _ = MembraneStability(weight=1e3, std=0.1).loss(model, x, y, generator=seeded())
        losses.append(float(loss.detach()))
        with torch.no_grad():
            kernel.sub_(1e-6 * torch.autograd.grad(loss, kernel)[0])
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"std": -0.1}, {"share": 1.5}])
def test_refuses_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        MembraneStability(**wrong)


def test_a_network_without_spikes_is_refused() -> None:
    model: nn.Module = compact(steps=1, neuron=None, widths=(4, 4, 4, 4))
    with pytest.raises(ValueError, match="no spiking layer"):
        MembraneStability().loss(model, *batch(), generator=seeded())

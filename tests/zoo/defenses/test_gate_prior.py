"""Training of stochastic gates: the prior's formula, and that it opens and closes gates as the loss wants."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.networks import settled
from support.random_batches import batch
from torch import nn

from attacks.randomness import KeyedRng, drawing
from zoo.architectures.compact import compact
from zoo.defenses.gate_prior import GatePrior
from zoo.spiking.gated import GatedLIF


def gated() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=2, neuron={"threshold": 0.5, "gates": 0.8}, widths=(4, 4, 4, 4)), batch()[0])


def keyed() -> KeyedRng:
    return KeyedRng.of(0, torch.arange(len(batch()[0])))


def test_the_loss_is_cross_entropy_plus_half_the_sum_of_squares() -> None:
    model, (x, y) = gated(), batch()
    with drawing(keyed()):
        loss, logits = GatePrior(prior=0.01).loss(model, x, y, generator=torch.Generator())
        expected = model(x)
    assert torch.equal(logits, expected)
    gates = sum(layer.raw.numel() for layer in model.modules() if isinstance(layer, GatedLIF))
    torch.testing.assert_close(loss, F.cross_entropy(expected, y) + 0.01 / 2 * gates * 0.8**2)


def test_the_prior_moves_each_gate_by_itself() -> None:
    model, (x, y) = gated(), batch()
    slopes = []
    for prior in (0.0, 2.0):
        model.zero_grad()
        with drawing(keyed()):
            GatePrior(prior=prior).loss(model, x, y, generator=torch.Generator())[0].backward()
        slopes.append([layer.raw.grad.clone() for layer in model.modules() if isinstance(layer, GatedLIF)])
    for without, with_prior in zip(*slopes, strict=True):
        torch.testing.assert_close(with_prior - without, torch.full_like(without, 2.0 * 0.8), rtol=1e-4, atol=1e-5)


def test_adversarial_examples_stay_in_their_ball() -> None:
    model, (x, y) = gated(), batch()
    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    with drawing(keyed()):
        GatePrior(eps=0.02).loss(model, x, y, generator=torch.Generator().manual_seed(3))
    assert not torch.equal(seen[-1], x) and float((seen[-1] - x).abs().max()) <= 0.02 + 1e-6


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        GatePrior(prior=-1.0)
    model = compact(steps=2, neuron={}, widths=(4, 4, 4, 4))
    with pytest.raises(ValueError, match="has no stochastic gates"):
        GatePrior().loss(model, *batch(), generator=torch.Generator())

"""TRADES against its formula, and its inner maximum against what it must find."""

from __future__ import annotations

import torch
from support.networks import settled
from support.random_batches import batch, seeded
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.defenses.trades import Trades, divergence

EPS = 8 / 255


def snn() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=2, neuron={"threshold": 0.5}, widths=(4, 4, 4, 4)), batch()[0])


def by_hand(clean: Tensor, perturbed: Tensor) -> Tensor:
    p, q = clean.softmax(1), perturbed.softmax(1)
    return (p * (p.log() - q.log())).sum()


def test_divergence_is_kl_of_clean_against_perturbed() -> None:
    clean, perturbed = torch.randn(2, 5, 4, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(divergence(clean, perturbed), by_hand(clean, perturbed))
    assert divergence(clean, clean).abs() < 1e-12
    assert abs(divergence(clean, perturbed) - divergence(perturbed, clean)) > 1e-3


def test_the_loss_is_its_formula_with_gradients_through_both_predictions() -> None:
    (x, y), model, defense = batch(), snn(), Trades(beta=3.0, eps=EPS)
    adv = defense.craft(model, x, generator=seeded())
    loss, logits = defense.loss(model, x, y, generator=seeded())
    clean = model(x)
    expected = -clean.log_softmax(1)[range(6), y].mean() + 3 * by_hand(clean, model(adv)) / 6
    assert torch.equal(logits, clean)
    torch.testing.assert_close(loss, expected)
    found, wanted = (torch.autograd.grad(value, list(model.parameters())) for value in (loss, expected))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_examples_stay_in_the_ball_and_diverge_more_than_noise() -> None:
    (x, _), model = batch(), snn()
    clean = model(x)
    reached = []
    for steps in (0, 2, 10):
        adv = Trades(eps=EPS, steps=steps).craft(model, x, generator=seeded())
        assert (adv - x).abs().max() <= EPS + 1e-6 and adv.min() >= 0 and adv.max() <= 1
        reached.append(float(divergence(clean, model(adv)).detach()))
    assert reached[0] < reached[1] < reached[2]

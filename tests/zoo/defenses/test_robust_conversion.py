"""Training after a conversion, against its formula."""

from __future__ import annotations

import torch
from support.networks import settled
from support.random_batches import batch, seeded
from torch import nn

from zoo.architectures.compact import compact
from zoo.conversion.thresholds import calibrate_
from zoo.defenses.robust_conversion import RobustConversion
from zoo.defenses.trades import divergence

EPS = 8 / 255


def snn() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=2, neuron={"threshold": 0.5, "decay": 1.0}, widths=(4, 4, 4, 4)), batch()[0])


def test_the_loss_is_its_formula_with_gradients_through_both_predictions() -> None:
    (x, y), model, defense = batch(), snn(), RobustConversion(beta=3.0, eps=EPS)
    adv = defense.craft(model, x, generator=seeded())
    loss, logits = defense.loss(model, x, y, generator=seeded())
    clean = model(x)
    p, q = clean.softmax(1), model(adv).softmax(1)
    expected = -clean.log_softmax(1)[range(6), y].mean() + 3 * (p * (p.log() - q.log())).sum() / 6
    assert torch.equal(logits, clean)
    torch.testing.assert_close(loss, expected)
    found, wanted = (torch.autograd.grad(value, list(model.parameters())) for value in (loss, expected))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_an_example_goes_half_of_the_way_at_random_and_half_along_the_gradient() -> None:
    (x, _), model = batch(), snn()
    inside = 0.4 + 0.2 * x
    defense = RobustConversion(eps=EPS)
    adv = defense.craft(model, inside, generator=seeded())
    halves = ((adv - inside) / (EPS / 2)).round(decimals=3)
    assert set(halves.unique().tolist()) <= {-2.0, -1.0, 0.0, 1.0, 2.0}
    noise = torch.randn(x.shape, generator=seeded()).sign()
    clean, start = model(inside), inside + EPS / 2 * noise
    assert divergence(clean, model(adv)) > divergence(clean, model(start))
    edge = defense.craft(model, torch.zeros_like(x), generator=seeded())
    assert edge.min() >= 0 and edge.max() <= EPS + 1e-6
    assert not model.training


def test_training_begins_from_calibrated_thresholds() -> None:
    images = (torch.rand(100, 3, 32, 32, generator=seeded()) * 255).to(torch.uint8)
    model, twin = snn(), snn()
    RobustConversion(batches=1, calibration_steps=3).before_training(model, images)
    calibrate_(twin, [images[:64].float() / 255], steps=3, percentile=99.7, share=0.3)
    for one, other in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(one, other)

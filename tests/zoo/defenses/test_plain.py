"""The undefended loss, and what every defense of the catalogue owes its caller."""

from __future__ import annotations

import pytest
import torch
from support.networks import settled
from support.random_batches import batch
from torch import nn

from zoo.architectures.compact import compact
from zoo.card import Part
from zoo.defenses import DEFENSES
from zoo.defenses.plain import Plain
from zoo.loading import build_defense

NEEDED = {
    "gradient_sparsity": {"weight": 0.01},
    "surrogate_window": {"weight": 0.1},
    "threshold_guard": {"weight": 0.1},
}


def snn() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=2, neuron={"threshold": 0.5}, widths=(4, 4, 4, 4)), batch()[0])


def test_plain_is_cross_entropy() -> None:
    model, (x, y) = snn().eval(), batch()
    loss, logits = Plain().loss(model, x, y, generator=torch.Generator())
    assert torch.equal(logits, model(x))
    by_hand = -logits.log_softmax(1)[torch.arange(6), y].mean()
    torch.testing.assert_close(loss, by_hand)


FOR_SCORES = {"regression", "norm_in_norm", "norm_regularisation", "score_adversarial_training"}
FOR_GATES = {"gate_prior"}


@pytest.mark.parametrize("name", sorted(DEFENSES.keys() - FOR_SCORES - FOR_GATES))
def test_every_defense_trains_and_repeats(name: str) -> None:
    """A scalar loss that reaches all parameters, logits per row, and the same for the same generator."""
    defense = build_defense(Part(name=name, arguments=NEEDED.get(name, {})))
    x, y = batch()
    clean = x.clone()
    runs = []
    for _ in range(2):
        model = snn().train()
        state = torch.get_rng_state()
        loss, logits = defense.loss(model, x, y, generator=torch.Generator().manual_seed(5))
        assert torch.equal(torch.get_rng_state(), state)
        loss.backward()
        defense.after_step(model)
        runs.append([loss.detach(), logits.detach(), *(p.grad for p in model.parameters())])
    assert runs[0][0].shape == () and runs[0][1].shape == (6, 10)
    assert all(gradient.isfinite().all() and gradient.abs().sum() > 0 for gradient in runs[0][2:])
    assert all(map(torch.equal, *runs))
    assert torch.equal(x, clean) and x.grad is None and not x.requires_grad

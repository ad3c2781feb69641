"""Adversarial training on event frames: the frames it trains on are harder, binary, and within the budget."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0
from zoo.architectures.event_network import EventNetwork
from zoo.defenses.event_adversarial import EventAdversarialTraining


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    model = EventNetwork(neuron={"decay": 0.9, "threshold": 0.2}, side=9, widths=(4, 6, 8))
    for frames in recordings(4).split(32):  # statistics of BatchNorm
        model(frames)
    return model


def recordings(seed: int) -> Tensor:
    return (torch.rand(128, 5, 2, 9, 9, generator=torch.Generator().manual_seed(seed)) < 0.2).float()


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_frames_stay_within_the_budget(network: nn.Module, steps: int, share: float) -> None:
    x, y = recordings(0), torch.arange(128) % 10
    adv = EventAdversarialTraining(share=share, steps=steps).craft(network, x, y, generator=torch.Generator())
    threat = EventsL0(eps=share)
    assert float(threat.excess(adv, x).max()) == 0 and bool(threat.in_box(adv).all())
    assert not adv.requires_grad and network.training
    # The steps' parts of the budget add up to all of it, wherever enough cells have a gradient.
    assert float((threat.distance(adv, x) - threat.budget(x)).abs().double().mean()) <= 0.5


def test_they_are_harder_than_random_flips(network: nn.Module) -> None:
    x, y = recordings(1), torch.arange(128) % 10
    defense = EventAdversarialTraining(share=0.1)
    adv = defense.craft(network, x, y, generator=torch.Generator())
    drawn = EventsL0(eps=0.1).random(x, KeyedRng.of(0, torch.arange(128)))
    network.eval()
    with torch.no_grad():
        crafted, random = (F.cross_entropy(network(frames), y, reduction="none") for frames in (adv, drawn))
    network.train()
    gain = (crafted - random).double()
    assert float(gain.mean()) > 5 * float(gain.std()) / 128**0.5


def test_its_loss_is_that_of_the_crafted_frames(network: nn.Module) -> None:
    x, y = recordings(2), torch.arange(128) % 10
    defense = EventAdversarialTraining()
    loss, logits = defense.loss(network, x, y, generator=torch.Generator())
    torch.testing.assert_close(loss, F.cross_entropy(logits, y))
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.zero_grad(set_to_none=True)


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"steps": 0}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        EventAdversarialTraining(**wrong)

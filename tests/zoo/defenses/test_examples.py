"""Inputs that are made adversarial by an object: a card names it, and each defense trains on what it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.architectures.event_network import EventNetwork
from zoo.card import Part
from zoo.defenses import EXAMPLES
from zoo.defenses.adversarial import AdversarialTraining, AgainstExamples, LinfExamples
from zoo.defenses.event_adversarial import EventAdversarialTraining, FlippedEvents
from zoo.defenses.examples import Examples
from zoo.defenses.gradient_sparsity import GradientSparsity
from zoo.defenses.membrane_stability import MembraneStability
from zoo.defenses.surrogate_window import SurrogateWindow
from zoo.defenses.threshold_guard import ThresholdGuard
from zoo.loading import build_defense

N, T, SIDE = 8, 5, 9


def network(**neuron: Any) -> EventNetwork:
    torch.manual_seed(0)
    model = EventNetwork(neuron={"decay": 0.9, "threshold": 0.2, **neuron}, side=SIDE, widths=(4, 6, 8))
    return model.eval()


def recordings() -> tuple[Tensor, Tensor]:
    x = (torch.rand(N, T, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    return x, torch.arange(N) % 10


@dataclass(frozen=True, kw_only=True)
class Mirrored(Examples):
    """Inputs whose columns are reversed: known without a search, and other than what any other object makes."""

    def craft(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        return x.flip(-1)


def loss(defense: Any, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    value: Tensor = defense.loss(model, x, y, generator=torch.Generator().manual_seed(1))[0]
    return value


@pytest.mark.parametrize(
    "make",
    [
        lambda **way: GradientSparsity(weight=0.7, **way),
        lambda **way: SurrogateWindow(weight=0.7, **way),
        lambda **way: ThresholdGuard(weight=0.7, **way),
    ],
    ids=["gradient sparsity", "surrogate window", "threshold guard"],
)
def test_inputs_are_replaced_by_the_examples(make: Callable[..., AgainstExamples]) -> None:
    (x, y), model = recordings(), network()
    for examples, adv in (
        (Mirrored(), x.flip(-1)),
        (FlippedEvents(share=0.1), FlippedEvents(share=0.1).craft(model, x, y, generator=torch.Generator())),
    ):
        on_examples = loss(make(examples=examples), model, x, y)
        assert torch.equal(on_examples, loss(make(), model, adv, y))
        assert not torch.equal(on_examples, loss(make(), model, x, y))


def test_membranes_are_compared_between_inputs_and_examples() -> None:
    """With a share of 0 the cross-entropy is that of the examples, and the penalty is nothing where both agree."""
    (x, y), model = recordings(), network(input_scale=T)
    mirrored = loss(MembraneStability(weight=0.0, share=0.0, examples=Mirrored()), model, x, y)
    torch.testing.assert_close(mirrored, F.cross_entropy(model(x.flip(-1)), y))
    penalty = loss(MembraneStability(weight=1.0, share=0.0, examples=Mirrored()), model, x, y) - mirrored
    assert float(penalty.detach()) > 1e-3
    symmetric = (x + x.flip(-1)).clamp(0, 1)
    plain, weighted = (
        loss(MembraneStability(weight=weight, share=0.0, examples=Mirrored()), model, symmetric, y) for weight in (0.0, 1.0)
    )
    assert torch.equal(plain, weighted)


def test_the_scale_per_step_learns_from_flipped_events() -> None:
    (x, y), model = recordings(), network(input_scale=T).train()
    loss(MembraneStability(examples=FlippedEvents(share=0.1)), model, x, y).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_a_radius_stands_for_linf_examples() -> None:
    defense = GradientSparsity(weight=1.0, eps=0.1, steps=3)
    assert defense.crafting == LinfExamples(eps=0.1, steps=3)
    assert MembraneStability(eps=0.1, start="image").crafting == LinfExamples(eps=0.1, start="image")
    assert GradientSparsity(weight=1.0).crafting is None
    assert GradientSparsity(weight=1.0, examples=Mirrored()).crafting == Mirrored()


def test_adversarial_training_crafts_the_same_examples_as_the_object() -> None:
    (x, y), model = recordings(), network()
    for training, examples in (
        (AdversarialTraining(eps=0.1, steps=2), LinfExamples(eps=0.1, steps=2)),
        (EventAdversarialTraining(share=0.1), FlippedEvents(share=0.1)),
    ):
        crafted = [way.craft(model, x, y, generator=torch.Generator().manual_seed(1)) for way in (training, examples)]
        assert torch.equal(*crafted) and not torch.equal(crafted[0], x)
        torch.testing.assert_close(loss(training, model, x, y), F.cross_entropy(model(crafted[0]), y))


def test_a_card_names_them() -> None:
    flips = {"name": "flipped_events", "arguments": {"share": 0.1, "steps": 3}}
    part = Part(name="gradient_sparsity", arguments={"weight": 0.5, "examples": flips})
    assert build_defense(part) == GradientSparsity(weight=0.5, examples=FlippedEvents(share=0.1, steps=3))
    assert part.arguments["examples"] == flips  # a card is not changed by being built
    for name in EXAMPLES:
        arguments = {"weight": 0.5, "examples": {"name": name}}
        assert isinstance(build_defense(Part(name="membrane_stability", arguments=arguments)), MembraneStability)


@pytest.mark.parametrize(
    ("examples", "sentence"),
    [
        ({"name": "flipped"}, "unknown way to make inputs adversarial 'flipped'; known: flipped_events, linf"),
        ({"share": 0.1}, "described by a name and arguments"),
        (0.1, "described by a name and arguments, not by 0.1"),
        ({"name": "flipped_events", "arguments": {"share": 2}}, "between 0 and 1"),
    ],
)
def test_examples_that_are_none(examples: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_defense(Part(name="gradient_sparsity", arguments={"weight": 0.5, "examples": examples}))


def test_two_ways_at_once_and_negative_radii_are_refused() -> None:
    with pytest.raises(ValueError, match="made in one way"):
        GradientSparsity(weight=1.0, eps=0.1, examples=Mirrored())
    with pytest.raises(ValueError, match="radius must not be negative"):
        MembraneStability(eps=-0.1)

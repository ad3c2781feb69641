"""On networks of the zoo without a defense, every attack on events beats random changes of as many events.

Margins are compared recording by recording, those of broken recordings counted as 0, because searches for few changes stop
there. Frame and Corner beat one random change, but not the best of as many as they ask for: they reach the rim alone.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
from support.statistics import at_least
from torch import Tensor, nn

from attacks import ATTACKS
from attacks.base import Attack
from attacks.events.ascent import EventAscent, TopK
from attacks.events.fewest import FewestEvents
from attacks.events.patterns import Corner, Dash, Frame
from attacks.events.retiming import SoftRetiming
from attacks.events.sda import SDA
from attacks.events.search import FlipSearch
from attacks.events.slots import SlotSearch
from attacks.events.spikefool import SpikeFool
from attacks.events.swaps import SwapSearch
from attacks.events.ternary import TernarySampling
from attacks.model_oracle import ModelOracle
from attacks.noise import UniformNoise
from attacks.objectives import Margin
from attacks.randomness import KeyedRng
from attacks.threats.event_grid import EventGrid
from attacks.threats.events_l0 import EventsL0
from attacks.threats.retime import Retime
from bench.data import load_samples
from zoo.loading import load

UNDEFENDED = ("snn_ev_vanilla", "ann_ev_frames")
BUDGET, LARGER = 0.02, 0.12
"""Shares of the events. A search for few changes, which returns the clean recording unless it breaks it, gets the larger."""
N, QUERIES = 30, 80
FLIPPING: list[Attack] = [
    TopK(),
    EventAscent(),
    SwapSearch(steps=5, rounds=1, width=8),
    SDA(iterations=4),
    SpikeFool(),
    TernarySampling(),
    FewestEvents(steps=10, rounds=1, tries=0),
    FlipSearch(queries=QUERIES),
    Frame(queries=QUERIES),
    Corner(queries=QUERIES),
    Dash(queries=QUERIES),
]
MOVING: list[Attack] = [EventAscent(), SoftRetiming(steps=10)]


@cache
def trial(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network, and recordings with their labels that it classifies correctly."""
    model, samples = load(name).eval().requires_grad_(False), load_samples("nmnist_sim", split="test", n=N + 10)
    right = (model(samples.images).argmax(1) == samples.labels).nonzero()[:N, 0]
    return model, samples.images[right], samples.labels[right]


@cache
def margins(name: str, attack: Attack, kind: type[EventGrid], budget: float = BUDGET) -> Tensor:
    """Of each recording under an attack, at most 0, ``(n,)``."""
    model, x, y = trial(name)
    oracle = ModelOracle.of(model, y, objective=Margin())
    everyone = torch.arange(len(x))
    adv = attack.perturb(oracle, x, kind(eps=budget), rng=KeyedRng.of(0, everyone))
    return oracle.query(adv, everyone, grad=False).value.clamp_max(0)


PAIRS = [*((attack, EventsL0) for attack in FLIPPING), *((attack, Retime) for attack in MOVING)]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNDEFENDED)
@pytest.mark.parametrize(("attack", "kind"), PAIRS, ids=repr)
def test_attacks_beat_random_changes_of_as_many_events(name: str, attack: Attack, kind: type[EventGrid]) -> None:
    budget = LARGER if attack.kind == "minimal" else BUDGET
    gained = margins(name, attack, kind, budget) - margins(name, UniformNoise(), kind, budget)
    assert at_least(gained) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", UNDEFENDED)
@pytest.mark.parametrize("attack", [FlipSearch(queries=QUERIES), Dash(queries=QUERIES)], ids=repr)
def test_searches_that_reach_the_digit_beat_the_best_of_as_many_random_changes(name: str, attack: SlotSearch) -> None:
    gained = margins(name, attack, EventsL0) - margins(name, UniformNoise(draws=attack.queries), EventsL0)
    assert at_least(gained) > 0


def test_every_attack_on_events_of_the_catalogue_is_compared() -> None:
    compared = {f"{type(attack).__module__}:{type(attack).__qualname__}" for attack in (*FLIPPING, *MOVING)}
    assert {where for where in ATTACKS.values() if where.startswith("attacks.events.")} <= compared

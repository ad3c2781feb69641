"""What every attack on events owes: budgets kept, rows by themselves, and on tiny grids the optimum that counting finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exact import RowByRow
from support.statistics import at_least
from torch import Tensor, nn

from attacks import ATTACKS
from attacks.base import Attack
from attacks.events.ascent import EventAscent, TopK
from attacks.events.fewest import FewestEvents
from attacks.events.patterns import Corner, Dash, Frame, Pattern
from attacks.events.retiming import SoftRetiming, soft_frames
from attacks.events.sda import SDA
from attacks.events.search import FlipSearch
from attacks.events.spikefool import SpikeFool
from attacks.events.swaps import SwapSearch
from attacks.events.ternary import TernarySampling
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from attacks.model_oracle import ModelOracle
from attacks.noise import UniformNoise
from attacks.objectives import Margin
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.threats.catalogue import threat_named
from attacks.threats.event_grid import EventGrid
from attacks.threats.events_l0 import EventCounts, EventsL0
from attacks.threats.retime import Retime, RetimeShift, RetimeTotal
from zoo.spiking.neurons import LIF

FLIPPING: list[Attack] = [
    TopK(),
    EventAscent(steps=6, restarts=2),
    SwapSearch(steps=3, restarts=2, rounds=3, width=4),
    SwapSearch(steps=3, rounds=6, width=4, company=3),
    SDA(iterations=3, width=4),
    SpikeFool(iterations=5),
    TernarySampling(steps=5),
    FlipSearch(queries=40),
    FlipSearch(queries=40, near=0.7),
    FewestEvents(steps=3, rounds=2, width=4),
    Frame(queries=15),
    Corner(queries=15, reach=2),
    Dash(queries=15),
    UniformNoise(draws=3),
]
MOVING: list[Attack] = [TopK(), EventAscent(steps=6, restarts=2), SoftRetiming(steps=6, restarts=2), UniformNoise(draws=3)]
PAIRS = [
    *((attack, kind) for attack in FLIPPING for kind in (EventsL0, EventCounts)),
    *((attack, kind) for attack in MOVING for kind in (Retime, RetimeShift, RetimeTotal)),
]
every_pair = pytest.mark.parametrize(("attack", "kind"), PAIRS, ids=repr)

SHAPE = (5, 2, 3, 4)
"""Frames, polarities, rows, columns."""


class Spiking(nn.Module):
    """Event frames ``(n, T, 2, 3, 4)`` through two layers of spiking neurons to ``(n, 4)``."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.hidden = nn.Parameter(torch.randn(20, 24, generator=generator, dtype=torch.float64) / 2)
        self.read = nn.Parameter(torch.randn(4, 20, generator=generator, dtype=torch.float64))
        self.fire = LIF(decay=0.8, threshold=0.7)

    def forward(self, x: Tensor) -> Tensor:
        return self.fire(x.transpose(0, 1).flatten(2) @ self.hidden.T).mean(0) @ self.read.T


def recordings(n: int, kind: type[EventGrid] = EventsL0, seed: int = 0, density: float = 0.3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(n, *SHAPE, generator=generator) < density
    most = torch.randint(1, min(kind.peak, 3) + 1, there.shape, generator=generator)
    return (there * most).double() / kind.peak


def streams(n: int) -> KeyedRng:
    return KeyedRng.of(0, torch.arange(n))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return Spiking().eval().requires_grad_(False)


def oracle(model: nn.Module, x: Tensor, **options: Any) -> ModelOracle:
    with torch.no_grad():
        return ModelOracle.of(model, model(x).argmax(1), **options)


@every_pair
@pytest.mark.parametrize("budget", [0.0, 1.0, 0.1, 7.0])
def test_budgets_are_kept(attack: Attack, kind: type[EventGrid], budget: float, network: nn.Module) -> None:
    x, threat = recordings(9, kind), kind(eps=budget)
    adv = attack.perturb(oracle(network, x), x, threat, rng=streams(9))
    assert adv.shape == x.shape and adv.dtype == x.dtype
    assert float(threat.excess(adv, x).max()) <= 1e-9
    assert bool(threat.in_box(adv).all())
    if not budget:
        assert bool((adv == x).all())


@every_pair
def test_a_row_is_attacked_as_if_it_were_alone(attack: Attack, kind: type[EventGrid], network: nn.Module) -> None:
    model, x = RowByRow(network), recordings(6, kind)
    # Budgets of their own, so that a row meets neighbours with larger and smaller ones.
    budgets = torch.tensor([1.0, 6.0, 2.0, 3.0, 5.0, 4.0])
    together = attack.perturb(oracle(model, x), x, kind(eps=budgets), rng=streams(6))
    for row in (torch.tensor([0]), torch.tensor([1]), torch.tensor([4, 2])):
        alone = attack.perturb(oracle(model, x[row]), x[row], kind(eps=budgets[row]), rng=streams(6).rows(row))
        assert bool((alone == together[row]).all())


@every_pair
def test_no_more_is_spent_than_is_said(attack: Attack, kind: type[EventGrid]) -> None:
    x = recordings(4, kind)

    class Certain(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.stack([inputs.flatten(1).sum(1) * 0 + 9, inputs.flatten(1).sum(1) * 1e-3], 1)

    asked = oracle(Certain(), x)
    attack.perturb(asked, x, kind(eps=3), rng=streams(4))
    forwards, backwards = attack.cost()
    assert int(asked.forwards.max()) <= forwards and int(asked.backwards.max()) <= backwards


THROUGH_TIME: list[GradientPath] = [BPTT(surrogate="sigmoid"), ASSG(), PDSG()]
AVERAGED: list[GradientPath] = [HART(), BPTR(), RGA()]
"""Over time: they say nothing about moves in time."""
LEADING = [
    *((EventAscent(steps=4), EventsL0, path) for path in (*THROUGH_TIME, *AVERAGED)),
    *((attack, Retime, path) for attack in (EventAscent(steps=4), SoftRetiming(steps=4)) for path in THROUGH_TIME),
]


@pytest.mark.parametrize(("attack", "kind", "path"), LEADING, ids=repr)
def test_every_gradient_path_leads_somewhere(
    attack: Attack, kind: type[EventGrid], path: GradientPath, network: nn.Module
) -> None:
    x = recordings(12)
    asked = oracle(network, x, path=path, objective=Margin())
    adv = attack.perturb(asked, x, kind(eps=8), rng=streams(12))
    clean = asked.query(x, torch.arange(12), grad=False).value
    # The best point met is kept, and it was not the clean one everywhere.
    after = asked.query(adv, torch.arange(12), grad=False).value
    assert float((after - clean).mean()) > 0


def test_gradients_beat_draws_of_the_same_size(network: nn.Module) -> None:
    x = recordings(300)
    for kind, budget in ((EventsL0, 3), (Retime, 3), (RetimeShift, 1)):
        standing = {}
        for attack in (UniformNoise(), TopK(), EventAscent(steps=10)):
            asked = oracle(network, x)
            adv = attack.perturb(asked, x, kind(eps=budget), rng=streams(300))
            standing[type(attack)] = (network(adv).argmax(1) == asked.labels).double()
        assert at_least(standing[UniformNoise] - standing[TopK]) > 0  # the difference is about 0.15 or more
        assert float((standing[TopK] - standing[EventAscent]).mean()) > -0.02


# Tiny grids: 3 frames of 2 pixels. Whole weights, so that every sum is exact.
TINY = (3, 1, 1, 2)


class Polynomial(nn.Module):
    """Logits ``(0, bias + w . x + sum of q_ij x_i x_j)`` of six cells, in whole numbers."""

    def __init__(self, seed: int, *, pairs: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("w", torch.randint(-9, 10, (6,), generator=generator).double())
        self.register_buffer("q", torch.randint(-4, 5, (6, 6), generator=generator).double().triu(1) * pairs)
        self.register_buffer("bias", torch.tensor(0.0, dtype=torch.float64))

    def value(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        total: Tensor = self.bias + flat @ self.w + torch.einsum("ni,ij,nj->n", flat, self.q, flat)
        return total

    def forward(self, x: Tensor) -> Tensor:
        value = self.value(x)
        return torch.stack([torch.zeros_like(value), value], 1)


def all_flips(x: Tensor, most: int) -> Iterator[Tensor]:
    """Every input within ``most`` flips of ``x`` ``(1, 3, 1, 1, 2)``."""
    for number in range(most + 1):
        for cells in combinations(range(6), number):
            flipped = x.flatten(1).clone()
            flipped[:, list(cells)] = 1 - flipped[:, list(cells)]
            yield flipped.view_as(x)


def just_standing(model: Polynomial, x: Tensor, most: int, *, out_of_reach: float) -> float:
    """Set the bias so that the best of all flips exceeds 0 by 0.5, or falls short; returns the best margin."""
    model.bias.zero_()
    best = max(float(model.value(candidate)) for candidate in all_flips(x, most))
    model.bias.fill_(0.5 - best - out_of_reach)
    return 0.5 - out_of_reach


EXACT_ON_PLANES: list[Attack] = [
    TopK(),
    EventAscent(steps=3),
    SwapSearch(steps=0, rounds=6),
    SDA(iterations=6, width=6),
    SpikeFool(overshoot=1.0),
    FewestEvents(steps=3, rounds=2, width=6),
]


def tiny(seed: int) -> Tensor:
    return (torch.rand(1, *TINY, generator=torch.Generator().manual_seed(seed)) < 0.5).double()


@pytest.mark.parametrize("attack", EXACT_ON_PLANES, ids=repr)
@pytest.mark.parametrize("most", [1, 2, 3])
def test_on_a_plane_the_best_flips_of_all_subsets_are_found(attack: Attack, most: int) -> None:
    for seed in range(5):
        x, model = tiny(seed), Polynomial(seed, pairs=False)
        just_standing(model, x, most, out_of_reach=0.0)
        if float(model.value(x)) > 0:  # it was broken from the start
            continue
        adv = attack.perturb(ModelOracle.of(model, torch.zeros(1).long()), x, EventsL0(eps=most), rng=streams(1))
        assert float(model.value(adv)) == 0.5
        just_standing(model, x, most, out_of_reach=1.0)
        adv = attack.perturb(ModelOracle.of(model, torch.zeros(1).long()), x, EventsL0(eps=most), rng=streams(1))
        assert float(model.value(adv)) <= -0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "pairs", "share"),
    [
        (FlipSearch(queries=150), False, 0.9),
        (TernarySampling(steps=20, restarts=5), False, 0.9),
        (EventAscent(steps=20, restarts=12), True, 0.9),
        (FlipSearch(queries=200), True, 0.8),
    ],
    ids=repr,
)
def test_random_searches_seldom_miss_the_best_flips_of_all_subsets(attack: Attack, pairs: bool, share: float) -> None:
    """Where cells interact, the search without gradients ends short of the best point in one run of twenty."""
    found = []
    for seed in range(10):
        x, model = tiny(seed), Polynomial(seed, pairs=pairs)
        just_standing(model, x, 3, out_of_reach=0.0)
        if float(model.value(x)) > 0:
            continue
        for run in range(10):
            oracle = ModelOracle.of(model, torch.zeros(1).long())
            adv = attack.perturb(oracle, x, EventsL0(eps=3), rng=streams(1).fold("run", run))
            found.append(float(float(model.value(adv)) == 0.5))
    assert at_least(found) > share


NEAREST: list[Attack] = [
    SDA(iterations=6, width=6),
    SpikeFool(overshoot=1.0),
    FewestEvents(steps=3, rounds=2, width=6),
]


@pytest.mark.parametrize("attack", NEAREST, ids=repr)
def test_on_a_plane_no_flip_is_too_many(attack: Attack) -> None:
    for seed in range(15):
        x, model = tiny(seed), Polynomial(seed, pairs=False)
        model.bias.fill_(-0.5 - float(model.value(x)) - seed % 12)
        fewest = next((int((c != x).sum()) for c in all_flips(x, 6) if float(model.value(c)) > 0), None)
        adv = attack.perturb(ModelOracle.of(model, torch.zeros(1).long()), x, EventsL0(eps=6), rng=streams(1))
        assert int((adv != x).sum()) == (fewest or 0)


def test_where_cells_interact_the_fewest_flips_of_all_subsets_are_seldom_missed() -> None:
    matched = []
    for seed in range(60):
        x, model = tiny(seed), Polynomial(seed, pairs=True)
        model.bias.fill_(-0.5 - float(model.value(x)) - seed % 12)
        fewest = next((int((c != x).sum()) for c in all_flips(x, 3) if float(model.value(c)) > 0), 0)
        asked = ModelOracle.of(model, torch.zeros(1).long())
        attack = FewestEvents(steps=10, rounds=6, width=6)
        adv = attack.perturb(asked, x, EventsL0(eps=3), rng=streams(1).fold("seed", seed))
        changed = int((adv != x).sum())
        assert changed <= 3 and (not changed or float(model.value(adv)) > 0)
        matched.append(float(changed == fewest))
    assert at_least(matched) > 0.8


def test_what_is_broken_with_few_events_is_found_within_a_large_budget(network: nn.Module) -> None:
    """Bisection ends at no more changes than the search needs, whatever budget it began with."""
    x = recordings(30)
    fewest = {}
    for budget in (3, 24):
        asked = oracle(network, x)
        adv = FewestEvents(steps=5, rounds=3, width=8).perturb(asked, x, EventsL0(eps=budget), rng=streams(30))
        changed = (adv != x).flatten(1).sum(1)
        assert bool((network(adv).argmax(1) != asked.labels)[changed > 0].all())
        fewest[budget] = torch.where(changed > 0, changed, 120).double()
    broken = fewest[3] <= 3
    assert int(broken.sum()) >= 10
    assert float((fewest[24] - fewest[3])[broken].mean()) < 1


def retimings(x: Tensor) -> Iterator[Tensor]:
    """Every input ``(1, 3, 1, 1, 2)`` with as many events on each line as ``x``."""
    for number in range(2**6):
        bits = torch.tensor([number >> place & 1 for place in range(6)]).double().view_as(x)
        if bool((bits.sum(1) == x.sum(1)).all()):
            yield bits


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_on_a_plane_the_best_of_all_retimings_is_found(budget: int) -> None:
    threat = Retime(eps=budget)
    for seed in range(30):
        x, model = tiny(seed), Polynomial(seed, pairs=False)
        allowed = [c for c in retimings(x) if float(threat.distance(c, x)) <= budget]
        best = max(float(model.value(c)) for c in allowed)
        followed = threat.as_inputs(threat.following(model.w.view(1, 3, 2), threat.events(x), torch.tensor([budget])), x)
        assert float(model.value(followed)) == best


@given(st.integers(0, 2**31), st.sampled_from([1, 2, 4]))
@settings(max_examples=30)
def test_soft_frames_hold_all_events(seed: int, reach: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    clean = (torch.rand(2, 5, 3, generator=generator) < 0.5).long()
    shifts = list(range(-reach, reach + 1))
    goals = torch.arange(5) + torch.tensor(shifts)[:, None]
    outside = ((goals < 0) | (goals >= 5))[None, :, :, None]
    logits = (3 * torch.randn(2, len(shifts), 5, 3, generator=generator)).masked_fill(outside, -torch.inf)
    torch.testing.assert_close(soft_frames(logits, clean, shifts).sum(1), clean.sum(1).float())
    stay = torch.zeros_like(logits)
    stay[:, reach] = 1e4
    torch.testing.assert_close(soft_frames(stay, clean, shifts), clean.float())


def test_a_model_without_gradients_does_not_stop_a_search(network: nn.Module) -> None:
    class Blind(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return network(x.detach()) + 0 * x.flatten(1).sum(1, keepdim=True)

    x = recordings(8)
    for attack in (SDA(iterations=2), TernarySampling(steps=4), EventAscent(steps=4), SpikeFool(iterations=2)):
        threat = EventsL0(eps=4)
        adv = attack.perturb(oracle(Blind(), x), x, threat, rng=streams(8))
        assert float(threat.excess(adv, x).max()) == 0


PATTERNS: list[Pattern] = [Frame(queries=60, length=2, depth=1), Corner(queries=60, length=2, reach=2), Dash(queries=60)]


@pytest.mark.parametrize("attack", PATTERNS, ids=repr)
def test_patterns_fill_empty_cells_of_their_own(attack: Pattern) -> None:
    class Summing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.flatten(1).sum(1) * 0 + 9, x.flatten(1).sum(1) * 1e-3], 1)

    x = (torch.rand(20, 6, 2, 9, 9, generator=torch.Generator().manual_seed(3)) < 0.2).double()
    adv = attack.perturb(oracle(Summing(), x), x, EventsL0(eps=8), rng=streams(20))
    added = adv - x
    assert float(added.min()) == 0  # no event is removed
    _, _, _, rows, columns = added.nonzero(as_tuple=True)
    if isinstance(attack, Frame):
        assert bool(((rows % 8 == 0) | (columns % 8 == 0)).all())
    if isinstance(attack, Corner):
        assert bool((torch.minimum(rows, 8 - rows) < 2).all() and (torch.minimum(columns, 8 - columns) < 3).all())
    # The objective counts events here, so that the search ends where all of the budget is spent.
    assert added.flatten(1).sum(1).tolist() == [8] * 20


def test_a_frame_has_rings_of_pixels_that_are_neighbours() -> None:
    frame, shape = Frame(length=1, depth=3), (1, 1, 4, 5)
    assert frame.table(shape) == (1, 1, 2, 14)
    place = torch.arange(14).view(14, 1)
    for ring, pixels in enumerate((14, 6)):
        zero = torch.zeros_like(place)
        _, _, row, column = frame.strokes((zero, zero, torch.full_like(place, ring), place), shape)
        assert len({(int(r), int(c)) for r, c in zip(row, column, strict=True)}) == pixels
        inside = torch.stack([row, 3 - row, column, 4 - column]).amin(0)
        assert bool((inside == ring).all())
        steps = (row.diff(dim=0).abs() + column.diff(dim=0).abs()).flatten()
        assert steps.tolist() == [1] * 13


def test_a_dash_moves_along_its_row() -> None:
    shape = (6, 2, 9, 9)
    dash = Dash(length=2, lasting=3)
    at = tuple(torch.tensor([[[place]]]) for place in (1, 0, 4, 7, 2))
    frame, polarity, row, column = dash.strokes(at, shape)
    assert frame.flatten().tolist() == [1, 1, 2, 2, 3, 3]
    assert column.flatten().tolist() == [7, 8, 8, 0, 0, 1]
    assert (int(polarity), int(row)) == (0, 4)
    assert dash.table(shape) == (4, 2, 9, 9, 3)


@pytest.mark.parametrize("attack", PATTERNS, ids=repr)
def test_patterns_that_are_searched_for_beat_draws_of_the_same_size(attack: Pattern, network: nn.Module) -> None:
    x = recordings(150)
    threat = EventsL0(eps=4)
    asked = oracle(network, x, objective=Margin())
    everyone = torch.arange(150)
    values = []
    for each in (UniformNoise(), attack):
        adv = each.perturb(asked, x, threat, rng=streams(150))
        values.append(asked.query(adv, everyone, grad=False).value)
    assert at_least((values[1] - values[0]).tolist()) > 0


def test_every_attack_on_events_of_the_catalogue_is_in_a_table() -> None:
    tried = {f"{type(attack).__module__}:{type(attack).__qualname__}" for attack in (*FLIPPING, *MOVING)}
    assert {where for where in ATTACKS.values() if where.startswith("attacks.events.")} <= tried


def test_what_does_not_fit_says_so(network: nn.Module) -> None:
    x = recordings(2)
    with pytest.raises(ValueError, match="attacks in balls of norms, not in events_l0"):
        PGD().perturb(oracle(network, x), x, EventsL0(eps=1), rng=streams(2))
    with pytest.raises(ValueError, match="attacks in events moved in time, not in events_l0"):
        SoftRetiming().perturb(oracle(network, x), x, EventsL0(eps=1), rng=streams(2))
    with pytest.raises(ValueError, match="attacks in grids of events, not in linf"):
        EventAscent().perturb(oracle(network, x), x, threat_named("linf", eps=0.1), rng=streams(2))
    assert "event frames" in str(Frame().misfit_of_shape((3, 8, 8)))


BAD: list[Callable[[], Attack]] = [
    lambda: EventAscent(decay=1.5),
    lambda: SDA(width=0),
    lambda: SwapSearch(width=0),
    lambda: SpikeFool(overshoot=0),
    lambda: TernarySampling(flips=2),
    lambda: FlipSearch(share=0),
    lambda: FlipSearch(near=1.5),
    lambda: SoftRetiming(reach=0),
    lambda: Dash(length=0),
    lambda: Dash(lasting=0),
    lambda: Corner(reach=0),
    lambda: Frame(depth=0),
    lambda: FewestEvents(tries=-1),
]


@pytest.mark.parametrize("build", BAD)
def test_configurations_that_make_no_sense_are_refused(build: Callable[[], Attack]) -> None:
    with pytest.raises(ValueError, match=r"must|at least|probability"):
        build()

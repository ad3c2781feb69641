"""What the threats on events owe: whole events, budgets kept, and distances that equal those of an exhaustive search."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attacks import THREATS
from attacks.randomness import KeyedRng
from attacks.threats.catalogue import threat_kind, threat_named
from attacks.threats.event_grid import EventGrid, in_order
from attacks.threats.events_l0 import EventCounts, EventsL0
from attacks.threats.retime import Retime, RetimeShift, RetimeTotal, Retiming

NAMES = [name for name in THREATS if issubclass(threat_kind(name), EventGrid)]
RETIMINGS = [Retime, RetimeShift, RetimeTotal]
every_threat = pytest.mark.parametrize("name", NAMES)
every_retiming = pytest.mark.parametrize("kind", RETIMINGS)


def grid(threat: EventGrid, seed: int, *shape: int, density: float = 0.4) -> Tensor:
    """Random clean frames of the threat's grid."""
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(shape, generator=generator) < density
    most = torch.randint(1, min(threat.peak, 5) + 1, shape, generator=generator)
    return (there * most).float() / threat.peak


@st.composite
def problems(draw: st.DrawFn) -> tuple[int, tuple[int, ...], float, float]:
    """A seed, a shape of frames, a budget and a density of events."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 2)), draw(st.integers(1, 4)))
    budget = draw(st.one_of(st.integers(0, 9).map(float), st.sampled_from([0.02, 0.1, 0.5])))
    return draw(st.integers(0, 2**31)), shape, budget, draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))


Problem = tuple[int, tuple[int, ...], float, float]


def streams(n: int, seed: int = 0) -> KeyedRng:
    return KeyedRng.of(seed, torch.arange(n))


@every_threat
@given(problem=problems())
def test_what_is_projected_or_drawn_is_whole_events_within_the_budget(name: str, problem: Problem) -> None:
    seed, shape, budget, density = problem
    threat = threat_named(name, eps=budget)
    assert isinstance(threat, EventGrid)
    x = grid(threat, seed, *shape, density=density)
    far = x + 0.7 * torch.randn(shape, generator=torch.Generator().manual_seed(seed + 1))
    for adv in (threat.project(far, x), threat.random(x, streams(len(x), seed))):
        assert adv.shape == x.shape and adv.dtype == x.dtype
        assert float(threat.excess(adv, x).max()) <= 1e-6
        assert bool(threat.in_box(adv).all())
        torch.testing.assert_close(threat.project(adv, x), adv, rtol=0, atol=0)


def test_counts_in_float32_are_whole_events_and_use_their_budget_exactly() -> None:
    """Cells of 1/255 are rounded: summed as they are, 29 events would be more than 29 by 1.6e-6."""
    threat = EventCounts(eps=29)
    x = torch.full((1, 3, 2, 3), 5 / 255)
    adv = x.clone()
    adv[0, 1, 1, 0] = 34 / 255
    assert float(threat.distance(adv.double(), x.double())) == 29 and float(threat.excess(adv, x)) == 0
    adv[0, 0, 0, 0] = torch.nan
    assert bool(threat.excess(adv, x).isnan())


@every_threat
@given(problem=problems())
def test_rows_do_not_depend_on_their_batch(name: str, problem: Problem) -> None:
    seed, shape, budget, density = problem
    threat = threat_named(name, eps=budget)
    assert isinstance(threat, EventGrid)
    x, rng = grid(threat, seed, *shape, density=density), streams(shape[0], seed)
    far = x + torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    last = torch.tensor([len(x) - 1])
    assert bool((threat.random(x, rng)[last] == threat.random(x[last], rng.rows(last))).all())
    assert bool((threat.project(far, x)[last] == threat.project(far[last], x[last])).all())


@every_retiming
@given(problem=problems())
def test_no_event_is_made_or_lost(kind: type[Retiming], problem: Problem) -> None:
    seed, shape, budget, density = problem
    threat = kind(eps=budget)
    x = grid(threat, seed, *shape, density=density)
    far = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    for adv in (threat.project(far, x), threat.random(x, streams(len(x)))):
        assert bool((adv.sum(1) == x.sum(1)).all())


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_uses_the_budget(name: str) -> None:
    threat = threat_named(name, eps=3)
    assert isinstance(threat, EventGrid)
    x = grid(threat, 0, 40, 8, 2, 3, 3)
    used = threat.distance(threat.random(x, streams(40)), x)
    # Where neighbours are in the way, an event does not move all the way that was drawn.
    assert float(used.mean()) >= (2.5 if name == "retime_shift" else 3) - 1e-6


@given(st.integers(0, 2**31), st.integers(1, 5))
def test_distances_of_retiming_are_those_of_the_cheapest_matching(seed: int, frames: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(1, frames, 1, generator=generator) < 0.5).float()
    adv = x[:, torch.randperm(frames, generator=generator)]
    before, after = (line[0, :, 0].nonzero()[:, 0].tolist() for line in (x, adv))
    shifts = [[abs(a - b) for a, b in zip(before, order, strict=True)] for order in permutations(after)]
    cheapest = {
        Retime: min(sum(shift > 0 for shift in each) for each in shifts),
        RetimeTotal: min(map(sum, shifts)),
        RetimeShift: min(max(each, default=0) for each in shifts),
    }
    for kind, least in cheapest.items():
        assert float(kind(eps=1).distance(adv, x)) == least


@given(seed=st.integers(0, 2**31), shape=st.tuples(st.integers(2, 3), st.integers(1, 4)))
def test_moves_follow_scores_to_the_best_of_all_retimings(seed: int, shape: tuple[int, int]) -> None:
    """In a batch whose rows have budgets of their own, some of them smaller and some larger than the number of lines."""
    frames, lines = shape
    generator = torch.Generator().manual_seed(seed)
    clean = (torch.rand(5, frames, lines, generator=generator) < 0.5).long()
    scores = torch.randn(5, frames, lines, generator=generator, dtype=torch.float64)
    budget = torch.arange(5)
    followed = Retime(eps=1).within(scores, clean, budget)
    for row in range(5):
        orders = [sorted(set(permutations(line.tolist()))) for line in clean[row].T]
        retimed = torch.tensor(list(product(*orders))).transpose(1, 2)
        near = retimed[(clean[row] - retimed).clamp_min(0).flatten(1).sum(1) <= budget[row]]
        gains = (near * scores[row]).flatten(1).sum(1)
        assert float((followed[row] * scores[row]).sum()) == pytest.approx(float(gains.max()))
        assert bool((near == followed[row]).flatten(1).all(1).any())


@every_retiming
def test_an_event_made_or_lost_is_infinitely_far(kind: type[Retiming]) -> None:
    x = torch.zeros(2, 4, 3)
    x[:, 1, 1] = 1
    adv = x.clone()
    adv[0, 2, 1] = 1
    adv[1, 1, 1], adv[1, 1, 2] = 0, 1  # on another line
    assert kind(eps=5).distance(adv, x).tolist() == [float("inf")] * 2
    assert bool((kind(eps=5).excess(adv, x) > 0).all())


def test_a_share_is_of_the_events_of_each_clean_sample() -> None:
    x = torch.zeros(3, 2, 10, 10)
    x[0].view(-1)[:50] = 1
    x[1].view(-1)[:49] = 1
    assert EventsL0(eps=0.02).budget(x).tolist() == [1, 0, 0]
    assert EventsL0(eps=0.1).budget(x).tolist() == [5, 4, 0]
    assert EventsL0(eps=7).budget(x).tolist() == [7, 7, 7]
    assert EventCounts(eps=0.1).budget(x / 255 * 2).tolist() == [10, 9, 0]
    assert EventsL0(eps=torch.tensor([3.0, 0.1, 0.0])).budget(x).tolist() == [3, 4, 0]


@pytest.mark.parametrize("bad", [0.5, 2.0, -1.0, float("nan")])
def test_a_binary_grid_holds_0_or_1(bad: float) -> None:
    x = torch.zeros(2, 3, 2, 2)
    adv = x.clone()
    adv[1, 0, 0, 0] = bad
    assert EventsL0(eps=9).in_box(adv).tolist() == [True, False]
    assert Retime(eps=9).in_box(adv).tolist() == [True, False]


def test_a_grid_of_counts_holds_whole_events() -> None:
    x = torch.tensor([3 / 255, 3.5 / 255, 1.0, 256 / 255]).view(4, 1, 1)
    assert EventCounts(eps=1).in_box(x).tolist() == [True, False, True, False]


def test_a_cell_of_counts_pays_for_each_event() -> None:
    x = torch.tensor([[[4 / 255, 1 / 255, 0]]])
    far = torch.tensor([[[9 / 255, 0, 1 / 255]]])
    assert float(EventCounts(eps=3).distance(far, x)) == pytest.approx(7)
    near = EventCounts(eps=3).project(far, x)
    assert (near * 255).round().tolist() == [[[7, 1, 0]]]


def test_the_largest_changes_are_followed_first() -> None:
    x = torch.tensor([[[0.0, 1.0, 0.0, 1.0]]])
    far = torch.tensor([[[0.9, 0.3, 0.6, 1.0]]])
    assert EventsL0(eps=1).project(far, x).tolist() == [[[1, 1, 0, 1]]]
    assert EventsL0(eps=2).project(far, x).tolist() == [[[1, 0, 0, 1]]]
    assert EventsL0(eps=9).project(far, x).tolist() == [[[1, 0, 1, 1]]]


def test_every_cell_is_as_likely_to_be_drawn() -> None:
    n, cells = 4000, 12
    x = torch.zeros(n, 3, 4)
    x[:, 0] = 1
    changed = (EventsL0(eps=3).random(x, streams(n)) != x).flatten(1).double().mean(0)
    share = 3 / cells
    assert bool(((changed - share).abs() < 5 * (share * (1 - share) / n) ** 0.5).all())


@pytest.mark.parametrize(
    ("kind", "likely"),
    [
        (Retime, {((0, 1, 1), 0): 0.25, ((1, 0, 1), 0): 0.25, ((1, 0, 0), 1): 0.25, ((0, 1, 0), 1): 0.25}),
        (RetimeTotal, {((1, 0, 1), 0): 0.5, ((0, 1, 0), 1): 0.5}),
    ],
)
def test_every_move_is_as_likely_to_be_drawn(kind: type[Retiming], likely: dict[tuple[tuple[int, ...], int], float]) -> None:
    """First a line on which an event can move, then one of its events that can, then a place for it."""
    n = 4000
    lines = torch.tensor([[1.0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]])
    moved = kind(eps=1).random(lines.T.expand(n, -1, -1), streams(n)).transpose(1, 2).long()
    row, line = (moved != lines.long()).any(2).nonzero(as_tuple=True)
    assert row.tolist() == list(range(n))
    outcomes = Counter((tuple(after), int(at)) for after, at in zip(moved[row, line].tolist(), line, strict=True))
    assert outcomes.keys() == likely.keys()
    for outcome, share in likely.items():
        assert abs(outcomes[outcome] / n - share) < 5 * (share * (1 - share) / n) ** 0.5


def test_inputs_that_are_no_events_are_refused() -> None:
    assert "event frames" in str(EventsL0(eps=1).misfit_of_inputs(torch.zeros(2, 5)))
    assert "0 or 1" in str(Retime(eps=1).misfit_of_inputs(torch.full((2, 3, 2, 2), 0.5)))
    assert EventsL0(eps=1).misfit_of_inputs(torch.ones(2, 3, 2, 2)) is None
    assert EventCounts(eps=1).misfit_of_inputs(torch.full((2, 3, 2, 2), 2 / 255)) is None


def test_candidates_are_taken_until_one_is_too_costly() -> None:
    keys = torch.tensor([[1.0, 5.0, 3.0, 0.0]])
    costs = torch.tensor([[1, 2, 2, 1]])
    assert in_order(keys, costs, torch.tensor([4])).tolist() == [[False, True, True, False]]
    assert in_order(keys, costs, torch.tensor([5])).tolist() == [[True, True, True, False]]

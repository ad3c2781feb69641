"""Behind a filter of events the optimum is known by counting: single events at the limit of support, and events in pairs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn

from attacks.base import Attack
from attacks.events.ascent import TopK
from attacks.events.company import in_company
from attacks.events.search import STEPS, FlipSearch
from attacks.events.swaps import SwapSearch
from attacks.gradients.base import Coding, Training
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.randomness import KeyedRng
from attacks.threats.events_l0 import EventsL0
from zoo.spiking.event_filters import BackgroundActivityFilter, EventFilter, QuantisedFilter

SHAPE = (4, 2, 6, 7)
"""Frames, polarities, rows, columns."""


class Filtered(nn.Module):
    """Logits ``(0, bias + w . filtered x)``, in whole numbers but for the bias."""

    def __init__(self, entrance: EventFilter, w: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.filter, self.w, self.bias = entrance, w.double(), bias

    def forward(self, x: Tensor) -> Tensor:
        value = (self.filter(x) * self.w).flatten(1).sum(1) + self.bias
        return torch.stack([torch.zeros_like(value), value], 1)


def attacked(model: nn.Module, x: Tensor, attack: Attack, budget: int, coding: Coding | None = None) -> Tensor:
    """Margin ``(n,)`` after the attack on rows of class 0."""
    oracle = ModelOracle.of(model, torch.zeros(len(x)).long(), objective=Margin(), path=Training(coding=coding))
    adv = attack.perturb(oracle, x, EventsL0(eps=budget), rng=KeyedRng.of(0, torch.arange(len(x))))
    margin: Tensor = model(adv)[:, 1]
    return margin


def with_flips(x: Tensor, cells: Tensor) -> Tensor:
    """Copies of ``x`` ``(1, ...)``, each with the flat ``cells`` ``(m, k)`` of its row flipped."""
    flat = x.flatten(1).repeat(len(cells), 1)
    return flat.scatter(1, cells, 1 - flat.gather(1, cells)).view(-1, *x.shape[1:])


FILTERS: list[Callable[[], EventFilter]] = [
    lambda: BackgroundActivityFilter(support=3),
    lambda: QuantisedFilter(quantum=2, reach=1, memory=1, most=3),
]


@pytest.mark.parametrize("build", FILTERS)
def test_the_best_of_all_single_events_is_found_by_one_gradient(build: Callable[[], EventFilter]) -> None:
    below = 0
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        x = (torch.rand(1, *SHAPE, generator=generator) < 0.2).double()
        model = Filtered(build(), torch.randint(-9, 10, SHAPE, generator=generator))
        model.bias = -1000.0
        best = float(model(with_flips(x, torch.arange(x.numel())[:, None]))[:, 1].max())
        assert float(attacked(model, x, TopK(), 1)) == best
        below += int(attacked(model, x, TopK(), 1, "straight_through") < best)
    assert below >= 4  # gradients that pass straight through ask for events that are removed


def planted(seed: int) -> tuple[Filtered, Tensor, Tensor]:
    """A network behind a filter, a recording, and the two cells ``(1, 2)`` whose events flip its decision together.

    Decoys of larger weight stand alone in the first frame, where whatever supports one of them is kept as well, and costs.
    """
    generator = torch.Generator().manual_seed(seed)
    frame, polarity, row = (int(torch.randint(0, size, (), generator=generator)) for size in (4, 2, 2))
    weights = torch.full(SHAPE, -3.0)
    weights[frame, polarity, 2 * row, 2:4] = 4
    weights[0, :, 5, ::2] = 9
    x = torch.zeros(1, *SHAPE).double()
    x[0, :, 0, :2, 6] = 1  # two pixels that support each other at all times
    weights[:, 0, :2, 6] = 0
    cells = torch.arange(x.numel()).view(SHAPE)[frame, polarity, 2 * row, 2:4][None]
    return Filtered(BackgroundActivityFilter(), weights, bias=-7.5), x, cells


@pytest.mark.parametrize("seed", range(3))
def test_a_pair_is_found_where_no_single_event_is_kept(seed: int) -> None:
    model, x, pair = planted(seed)
    singles = with_flips(x, torch.arange(x.numel())[:, None])
    assert bool((model(singles)[:, 1] <= model(x)[:, 1]).all())
    pairs = torch.tensor(list(combinations(range(x.numel()), 2)))
    flipping = pairs[model(with_flips(x, pairs))[:, 1] > 0]
    assert torch.equal(flipping, pair)
    search = SwapSearch(steps=2, rounds=4, width=16, company=2)
    assert float(attacked(model, x, search, 2, "straight_through")) == 0.5


def test_company_is_the_neighbours_of_largest_gain() -> None:
    cells = torch.arange(4 * 2 * 6 * 7).view(1, 4, 84)
    gains = torch.zeros(1, 4, 84, dtype=torch.float64)
    grid = gains.view(1, *SHAPE)
    grid[0, 1, 0, 2, 3] = 9.0  # the pixel itself is no neighbour
    grid[0, 1, 1, 2, 3] = 8.0
    grid[0, 1, 1, 3, 4] = 5.0
    grid[0, 0, 0, 1, 2] = 4.0
    grid[0, 2, 0, 2, 2] = 7.0  # a frame later
    grid[0, 1, 0, 2, 5] = 6.0  # too far
    at = cells.view(1, *SHAPE)
    leaders = at[0, 1, 0, 2, 3].view(1, 1)
    expected = [int(at[0, 1, 0, 2, 3]), int(at[0, 1, 1, 3, 4]), int(at[0, 0, 0, 1, 2])]
    assert in_company(leaders, gains, SHAPE, 3).tolist() == [[expected]]
    corner = at[0, 0, 0, 0, 0].view(1, 1)
    nobody = in_company(corner, torch.full_like(gains, -torch.inf), SHAPE, 3)
    assert nobody.tolist() == [[[int(corner)] * 3]]


def test_flips_are_drawn_near_events() -> None:
    x = torch.zeros(3, *SHAPE).double()
    x[0, 1, 0, 2, 2] = x[0, 3, 1, 5, 6] = x[1, 0, 1, 3, 3] = 1
    search, rows = FlipSearch(near=1.0), torch.arange(3)
    cells = search.drawing(EventsL0(eps=5), x, 400)(rows, KeyedRng.of(0, rows))
    sizes = torch.tensor(SHAPE)
    for row, shares in ((0, (0.05, 0.95)), (1, (1.0, 1.0))):
        at = torch.stack(torch.unravel_index(cells[row], SHAPE), 1)
        steps = (at[:, None] - x[row].nonzero()).abs()
        steps = torch.minimum(steps, sizes - steps).sum(2)  # around the edges
        assert int(steps.amin(1).max()) == STEPS
        assert shares[0] <= float((steps[:, 0] <= STEPS).double().mean()) <= shares[1]
    # A recording without events has no surroundings.
    assert len(set(cells[2].tolist())) > 100


def test_company_needs_frames() -> None:
    assert SwapSearch(company=2).misfit_of_shape((4, 9)) is not None
    assert SwapSearch().misfit_of_shape((4, 9)) is None
    with pytest.raises(ValueError, match="company at least 1"):
        SwapSearch(company=0)

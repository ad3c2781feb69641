"""Random subsets: their sizes, their odds, and that a row depends on itself alone."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest
import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.subsets import random_subset


def streams(n: int, seed: int = 0) -> KeyedRng:
    return KeyedRng.of(seed, torch.arange(n))


def test_each_row_has_as_many_places_as_it_asks_for() -> None:
    for population in (1, 2, 7, 40):
        sizes = torch.arange(population + 3)
        mask = random_subset(streams(len(sizes)), sizes, population)
        assert mask.shape == (len(sizes), population)
        assert mask.sum(1).tolist() == sizes.clamp(max=population).tolist()


def test_no_rows_and_no_population() -> None:
    assert random_subset(streams(0), torch.empty(0, dtype=torch.int64), 5).shape == (0, 5)
    assert random_subset(streams(2), torch.tensor([0, 3]), 0).shape == (2, 0)


def test_a_row_does_not_depend_on_its_batch() -> None:
    sizes = torch.tensor([3, 100, 0, 51, 2, 199])
    rng = streams(len(sizes))
    together = random_subset(rng, sizes, 200)
    for row in range(len(sizes)):
        alone = random_subset(rng.rows(torch.tensor([row])), sizes[row : row + 1], 200)
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize(("size", "population"), [(1, 5), (2, 5), (3, 5), (2, 4)])
def test_all_subsets_of_a_size_are_equally_likely(size: int, population: int) -> None:
    n = 40_000
    mask = random_subset(streams(n), torch.full((n,), size), population)
    chance = 1 / comb(population, size)
    error = (chance * (1 - chance) / n) ** 0.5
    for subset in combinations(range(population), size):
        wanted = torch.zeros(population, dtype=torch.bool)
        wanted[list(subset)] = True
        assert abs(float((mask == wanted).all(1).double().mean()) - chance) < 5 * error


def test_places_of_a_large_population_are_drawn_evenly() -> None:
    """With 23 random bits, one of three neighbours of 6 million places would be drawn twice as often as the others."""
    population = 2**22 + 2**21
    drawn: Tensor = random_subset(streams(4), torch.full((4,), 100_000), population)
    thirds = drawn.view(4, population // 3, 3).sum((0, 1)).double() / drawn.sum()
    assert float((thirds - 1 / 3).abs().max()) < 5 * (2 / 9 / 400_000) ** 0.5

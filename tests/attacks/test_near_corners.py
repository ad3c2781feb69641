"""The corner search that stays with what is near: how long each row is kept, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.model_oracle import ModelOracle
from attacks.near_corners import NearCorners
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

GREY = 0.5


class Level(nn.Module):
    """Right by 1 on a grey image, and by ``share`` on all others: a search never gets anywhere."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        moved = (x - GREY).abs().flatten(1).amax(1) > 0
        margin = torch.where(moved, self.share, 1.0) + 0 * x.flatten(1).sum(1)
        return torch.stack([margin, torch.zeros_like(margin)], 1)


def spent(share: float, **parameters: Any) -> list[int]:
    """Forwards of three rows whose margin is this share of the clean one."""
    x, y = torch.full((3, 1, 8, 8), GREY), torch.zeros(3, dtype=torch.int64)
    oracle = ModelOracle.of(Level(share).eval(), y)
    threat: Threat = Linf(eps=0.1)
    adv = NearCorners(**parameters).perturb(oracle, x, threat, rng=KeyedRng.of(0, torch.arange(3)))
    assert float(threat.excess(adv, x).max()) <= 1e-6
    return [int(count) for count in oracle.forwards]


@pytest.mark.parametrize(("share", "kept"), [(1.0, 50), (0.5, 80), (0.2, 200), (0.1, 400), (0.02, 400), (0.0, 400)])
def test_the_nearer_the_longer(share: float, kept: int) -> None:
    counts = spent(share, queries=400, patience=50, near=0.1, candidates=4)
    assert set(counts) == {counts[0]} and kept <= counts[0] <= min(kept + 6, 400)


def test_nothing_is_near_by_a_share_of_zero() -> None:
    assert spent(0.001, queries=400, patience=50, near=0.0, candidates=4)[0] <= 56


@pytest.mark.parametrize("queries", [1, 2, 3, 4, 50])
def test_it_spends_no_more_than_it_says(queries: int) -> None:
    assert spent(0.01, queries=queries) == [queries] * 3 and NearCorners(queries=queries).cost()[0] == queries


class OddAtFirst(nn.Module):
    """Answers no number on a grey image: how near its neighbours are cannot be said."""

    def forward(self, x: Tensor) -> Tensor:
        moved = (x - GREY).abs().flatten(1).amax(1) > 0
        margin = torch.where(moved, 0.01, torch.nan) + 0 * x.flatten(1).sum(1)
        return torch.stack([margin, torch.zeros_like(margin)], 1)


def test_a_clean_margin_that_is_no_number_stops_nothing() -> None:
    x, y = torch.full((2, 1, 8, 8), GREY), torch.zeros(2, dtype=torch.int64)
    oracle = ModelOracle.of(OddAtFirst().eval(), y)
    adv = NearCorners(queries=60, patience=20).perturb(oracle, x, Linf(eps=0.1), rng=KeyedRng.of(0, torch.arange(2)))
    assert bool(adv.isfinite().all()) and int(oracle.forwards.max()) <= 60


@pytest.mark.parametrize("near", [-0.1, 1.1, float("nan")])
def test_a_share_that_makes_no_sense(near: float) -> None:
    with pytest.raises(ValueError, match="near"):
        NearCorners(near=near)

"""Square: its schedule, its patches, and a model that only a search without gradients can break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.oracle import ModelOracle
from attacks.pgd import PGD
from attacks.square import Square, _patch
from attacks.threat import Threat

Build = Callable[..., Any]


def test_the_squares_shrink_as_in_the_paper() -> None:
    attack = Square(queries=10_000, share=0.8)
    assert [attack.side(q, 32, 32) for q in (1, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 9999)] == [
        29, 20, 14, 10, 7, 5, 4, 3, 2, 1,
    ]  # fmt: skip
    assert Square(queries=100).side(99, 32, 32) == 1
    assert Square(share=1.0).side(1, 8, 8) == 7


def test_a_patch_is_one_square_of_one_sign_per_channel(streams: Build) -> None:
    x = torch.zeros(50, 3, 9, 7, dtype=torch.float64)
    patch = _patch(x, 4, streams(50))
    assert (patch.abs().sum((2, 3)) == 16).all()
    assert (patch.sum((2, 3)).abs() == 16).all()
    rows, columns = patch.abs().amax((1, 3)).argmax(1), patch.abs().amax((1, 2)).argmax(1)
    assert set(rows.tolist()) == set(range(6))
    assert set(columns.tolist()) == set(range(4))
    assert 0.2 < float((patch.sum((2, 3)) > 0).double().mean()) < 0.8


class Rounding(nn.Module):
    """A linear model behind a staircase: its gradient is zero everywhere, and yet it is easily broken."""

    def forward(self, x: Tensor) -> Tensor:
        total = ((x * 8).round() / 8).flatten(1).mean(1) - 0.5
        return torch.stack([-total, total], 1)


def test_it_breaks_a_model_without_gradients_where_pgd_cannot(streams: Build) -> None:
    x = 0.5 + 0.02 * torch.randn(20, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = Rounding()(x).argmax(1)
    standing = {}
    for attack in (Square(queries=100), PGD(steps=10, random_start=False)):
        adv = attack.perturb(ModelOracle.of(Rounding(), labels), x, Threat(eps=0.1), rng=streams(20))
        standing[type(attack)] = float((Rounding()(adv).argmax(1) == labels).double().mean())
    assert standing == {Square: 0.0, PGD: 1.0}


def test_anything_but_images_is_refused(streams: Build) -> None:
    with pytest.raises(ValueError, match="needs images"):
        Square().perturb(
            ModelOracle.of(Rounding(), torch.zeros(2).long()), torch.zeros(2, 5), Threat(eps=0.1), rng=streams(2)
        )

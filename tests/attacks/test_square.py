"""Square: its schedule, its patches, and a model that only a search without gradients can break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.norms import row_norm
from support.statistics import at_least, at_most
from torch import Tensor, nn

from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.square import Square
from attacks.square_l2 import chequerboard, repainted, tile
from attacks.square_linf import patch
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf

Build = Callable[..., Any]


def test_the_squares_shrink_as_in_the_paper() -> None:
    attack = Square(queries=10_000, share=0.8)
    assert [attack.side(q, 32, 32) for q in (1, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 9999)] == [
        29, 20, 14, 10, 7, 5, 4, 3, 2, 1,
    ]  # fmt: skip
    assert Square(queries=100).side(99, 32, 32) == 1
    assert Square(share=1.0).side(1, 8, 8) == 7


def test_a_patch_is_one_square_of_one_sign_per_channel(streams: Build) -> None:
    x = torch.zeros(200, 3, 9, 7, dtype=torch.float64)
    painted = patch(x, 4, streams(200))
    assert (painted.abs().sum((2, 3)) == 16).all()
    assert (painted.sum((2, 3)).abs() == 16).all()
    rows, columns = painted.abs().amax((1, 3)).argmax(1), painted.abs().amax((1, 2)).argmax(1)
    assert set(rows.tolist()) == set(range(6))
    assert set(columns.tolist()) == set(range(4))
    assert 0.2 < float((painted.sum((2, 3)) > 0).double().mean()) < 0.8


class Rounding(nn.Module):
    """A linear model behind a staircase: its gradient is zero everywhere, and yet it is easily broken."""

    def forward(self, x: Tensor) -> Tensor:
        total = ((x * 8).round() / 8).flatten(1).mean(1) - 0.5
        return torch.stack([-total, total], 1)


@pytest.mark.parametrize("side", [3, 5, 8, 11])
def test_the_tiles_in_l2_are_those_of_torchattacks(side: int) -> None:
    library = pytest.importorskip("torchattacks")
    theirs = library.Square(nn.Identity(), norm="L2", verbose=False)
    theirs.set_device(torch.device("cpu"))
    with torch.random.fork_rng(devices=[]):
        expected = theirs.eta(side).double()
    ours = tile(side)
    assert any(torch.allclose(ours if upright else ours.T, expected, atol=1e-6) for upright in (True, False))
    assert float(ours.square().sum()) == pytest.approx(1)


@given(st.integers(0, 2**31), st.sampled_from([3, 5, 7]), st.integers(1, 3))
def test_a_move_in_l2_spends_the_whole_budget_inside_two_windows(seed: int, side: int, channels: int) -> None:
    x = torch.full((4, channels, 9, 8), 0.5, dtype=torch.float64)
    rng = KeyedRng.of(seed, torch.arange(4))
    threat = L2(eps=torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64))
    before = chequerboard(x, threat, rng)
    torch.testing.assert_close(row_norm(before - x, "l2"), threat.eps)
    after = repainted(before, x, threat, side, rng.fold("move"))
    torch.testing.assert_close(row_norm(after - x, "l2"), threat.eps)
    # Outside both windows a pixel is what it was, but for the common factor that restores the length.
    share = ((after - x) / (before - x)).nan_to_num(0)
    for row in range(4):
        factor = share[row][(share[row] != 0)].median()
        untouched = ((after - x)[row] - factor * (before - x)[row]).abs().amax(0) < 1e-12
        assert int((~untouched).sum()) <= 2 * side * side


def test_in_l2_it_succeeds_as_often_as_that_of_torchattacks(images: Build, streams: Build) -> None:
    """That one shares windows and colours among all samples and never takes the last row: 0.02 +- 0.06 of 40 less."""
    library = pytest.importorskip("torchattacks")
    read = torch.randn(5, 200, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sin(3 * x).flatten(1) @ read.T

    broken, more = [], []
    for seed in range(8):
        x = images(40, shape=(2, 10, 10), seed=seed)
        labels = Wide()(x).argmax(1)
        oracle = ModelOracle.of(Wide(), labels, micro_batch=4096)
        ours = Square(queries=60).perturb(oracle, x, L2(eps=0.5), rng=streams(40, seed=seed))
        theirs = library.Square(Wide(), norm="L2", eps=0.5, n_queries=60, verbose=False, seed=seed)
        theirs.set_device(x.device)
        with torch.random.fork_rng(devices=[]):
            other = theirs(x, labels)
        mine, its = (float((Wide()(adv).argmax(1) != labels).double().mean()) for adv in (ours, other))
        broken.append(its)
        more.append(mine - its)
    assert at_least(broken) > 0.2 and at_most(broken) < 0.8
    assert at_least(more) > -0.15 and at_most(more) < 0.2


def test_it_breaks_a_model_without_gradients_where_pgd_cannot(streams: Build) -> None:
    x = 0.5 + 0.02 * torch.randn(20, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = Rounding()(x).argmax(1)
    standing = {}
    for attack in (Square(queries=100), PGD(steps=10, random_start=False)):
        adv = attack.perturb(ModelOracle.of(Rounding(), labels), x, Linf(eps=0.1), rng=streams(20))
        standing[type(attack)] = float((Rounding()(adv).argmax(1) == labels).double().mean())
    assert standing == {Square: 0.0, PGD: 1.0}


def test_anything_but_images_is_refused(streams: Build) -> None:
    with pytest.raises(ValueError, match=r"Square needs images \(C, H, W\) of at least 4 x 4 pixels, not inputs \(5,\)"):
        Square().perturb(ModelOracle.of(Rounding(), torch.zeros(2).long()), torch.zeros(2, 5), Linf(eps=0.1), rng=streams(2))

"""What an attack returns is measured here, not believed."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from support.norms import Norm, row_norm
from torch import Tensor

from attacks.levels import nearest, towards_clean
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from bench.tasks.feasibility import TOLERANCE, norms, statuses

seeds = st.integers(0, 2**31)
radii = st.sampled_from([0.0, 0.5 / 255, 1 / 255, 8 / 255, 0.1, 0.7, 1.0])
both: st.SearchStrategy[Norm] = st.sampled_from(["linf", "l2"])


def pair(seed: int, eps: float, norm: Norm, *, levels: bool = True) -> tuple[Tensor, Tensor]:
    """Clean images of 8 bits (or not), and others inside ball and box."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(4, 2, 3, 3, generator=generator)
    if levels:
        x = (x * 255).round() / 255
    delta = torch.rand(x.shape, generator=generator) * 2 - 1
    if norm == "l2":
        delta = delta / row_norm(delta, "l2").view(-1, 1, 1, 1)
    return (x + eps * delta).clamp(0, 1), x


@given(seeds, radii, both, st.booleans())
@example(2495, 1 / 255, "linf", False)
def test_rounding_never_leaves_ball_or_box(seed: int, eps: float, norm: Norm, levels: bool) -> None:
    adv, x = pair(seed, eps, norm, levels=levels)
    rounded = towards_clean(adv, x)
    # What lies 1e-4 levels from one counts as lying on it, on either side.
    assert ((rounded - x).abs() <= (adv - x).abs() + 5e-7).all()
    assert (norms(rounded, x, threat_named(norm, eps=eps)) <= norms(adv, x, threat_named(norm, eps=eps)) + 1e-6).all()
    assert (rounded >= 0).all() and (rounded <= 1).all()
    assert statuses(rounded, x, threat_named(norm, eps=eps)) == ["ok"] * 4


@given(seeds, radii)
def test_rounding_gives_the_next_level_towards_the_clean_value(seed: int, eps: float) -> None:
    adv, x = pair(seed, eps, "linf")
    levels = towards_clean(adv, x).double() * 255
    assert ((levels - levels.round()).abs() < 1e-4).all()
    assert ((towards_clean(adv, x) - adv).abs() < 1 / 255).all()
    sign = (adv - x).sign()
    assert ((adv - towards_clean(adv, x)) * sign >= -1e-6).all()


@given(seeds)
def test_images_of_8_bits_stay_as_they_are(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    adv, x = (torch.randint(256, (4, 9), generator=generator).float() / 255 for _ in range(2))
    assert torch.equal(towards_clean(adv, x), adv)
    everything = (torch.arange(256).float() / 255).view(1, -1)
    for x in (torch.zeros_like(everything), torch.ones_like(everything)):
        assert torch.equal(towards_clean(everything, x), everything)


def test_rounding_by_hand() -> None:
    x = torch.tensor([[100.0, 100.0, 100.0, 0.0, 255.0]]) / 255
    adv = torch.tensor([[103.7, 96.2, 100.4, 0.9, 254.1]]) / 255
    assert (towards_clean(adv, x) * 255).tolist() == [pytest.approx([103, 97, 100, 0, 255], abs=1e-4)]


@given(seeds, radii, both, st.booleans())
def test_the_nearest_levels_stay_inside(seed: int, eps: float, norm: Norm, levels: bool) -> None:
    adv, x = pair(seed, eps, norm, levels=levels)
    rounded = nearest(adv, x, threat_named(norm, eps=eps))
    assert statuses(rounded, x, threat_named(norm, eps=eps)) == ["ok"] * 4
    assert ((rounded - adv).abs() < 1 / 255 + 1e-6).all()
    if levels:
        assert ((rounded * 255 - (rounded * 255).round()).abs() < 1e-4).all()
        assert torch.equal(towards_clean(rounded, x), rounded)
        assert torch.equal(nearest(rounded, x, threat_named(norm, eps=eps)), rounded)


@given(seeds, st.sampled_from([1 / 255, 2 / 255, 8 / 255, 1.0]))
def test_in_linf_balls_of_whole_levels_the_nearest_level_is_at_most_half_of_one_away(seed: int, eps: float) -> None:
    adv, x = pair(seed, eps, "linf")
    assert ((nearest(adv, x, Linf(eps=eps)) - adv).abs() <= 0.5 / 255 + 1e-6).all()


def test_the_nearest_level_by_hand() -> None:
    x = torch.tensor([[100.0, 100.0, 100.0, 0.0, 255.0]]) / 255
    adv = torch.tensor([[103.7, 96.2, 100.4, 0.9, 254.6]]) / 255
    four, small = Linf(eps=4 / 255), Linf(eps=3.7 / 255)
    assert (nearest(adv, x, four) * 255).tolist() == [pytest.approx([104, 96, 100, 1, 255], abs=1e-4)]
    assert (nearest(adv, x, small) * 255).tolist() == [pytest.approx([103, 97, 100, 1, 255], abs=1e-4)]


def test_where_no_level_lies_in_the_ball_the_clean_value_stays() -> None:
    x = torch.tensor([[100.5]]) / 255
    assert torch.equal(nearest(x + 0.2 / 255, x, Linf(eps=0.2 / 255)), x)


def test_a_radius_just_below_a_level_is_kept() -> None:
    x, eps = torch.full((1, 4), 100 / 255), 8 / 255 - 3e-6
    assert statuses(towards_clean(x + eps, x), x, Linf(eps=eps)) == ["ok"]
    assert statuses(x + 8 / 255, x, Linf(eps=eps)) == ["out_of_ball"]


def test_statuses() -> None:
    x = torch.full((7, 4), 0.5)
    adv = x.clone()
    adv[1, 0] += 0.2
    adv[2, 0] = math.nan
    adv[3, 0] = math.inf
    adv[4, 0] = -0.01
    adv[5, 0] += 0.1
    adv[6] += 0.1 + 3 * TOLERANCE
    wanted = ["ok", "out_of_ball", "out_of_box", "out_of_box", "out_of_box", "ok", "out_of_ball"]
    assert statuses(adv, x, Linf(eps=0.1)) == wanted
    l2 = statuses(adv, x, L2(eps=0.1))
    assert l2 == wanted
    assert statuses(x + 0.09, x, L2(eps=0.1)) == ["out_of_ball"] * 7


@given(seeds, st.sampled_from([1 / 255, 8 / 255, 0.3]), both)
def test_one_row_that_leaves_is_found(seed: int, eps: float, norm: Norm) -> None:
    adv, x = pair(seed, eps, norm)
    far = adv.clone()
    row = seed % 4
    far[row] = x[row] + torch.where(x[row] > 0.5, -1.0, 1.0) * (eps + 2e-6)
    assert statuses(adv, x, threat_named(norm, eps=eps)) == ["ok"] * 4
    assert [i for i, s in enumerate(statuses(far, x, threat_named(norm, eps=eps))) if s == "out_of_ball"] == [row]


def test_one_radius_per_row() -> None:
    x = torch.zeros(2, 3)
    threat = Linf(eps=torch.tensor([0.1, 0.3]))
    assert statuses(x + 0.2, x, threat) == ["out_of_ball", "ok"]

"""What values an input may take: rounding keeps ball and box, and shows the model what is handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from support.norms import Norm, row_norm
from torch import Tensor

from attacks.lattice import EightBit, Lattice, RealNumbers, clear
from attacks.threats.catalogue import threat_named
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]
EIGHT_BIT = EightBit()
LATTICES: list[Lattice] = [RealNumbers(), EIGHT_BIT]
every_lattice = pytest.mark.parametrize("lattice", LATTICES, ids=repr)
seeds = st.integers(0, 2**31)
radii = st.sampled_from([0.0, 0.5 / 255, 1 / 255, 8 / 255, 0.1, 0.7, 1.0])
both: st.SearchStrategy[Norm] = st.sampled_from(["linf", "l2"])


def pair(seed: int, eps: float, norm: Norm, *, levels: bool = True) -> tuple[Tensor, Tensor]:
    """Inputs inside ball and box, and the clean images of 8 bits (or not) that they lie around."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(4, 2, 3, 3, generator=generator)
    if levels:
        x = (x * 255).round() / 255
    delta = torch.rand(x.shape, generator=generator) * 2 - 1
    if norm == "l2":
        delta = delta / row_norm(delta, "l2").view(-1, 1, 1, 1)
    return (x + eps * delta).clamp(0, 1), x


def inside(adv: Tensor, x: Tensor, threat: Threat) -> bool:
    """Whether all rows lie in ball and box, to the precision of float32."""
    return bool((threat.excess(adv, x) <= 1e-6).all()) and bool(threat.in_box(adv).all())


@every_lattice
@given(seeds, radii, both)
def test_what_is_rounded_is_on_the_lattice_and_in_ball_and_box(lattice: Lattice, seed: int, eps: float, norm: Norm) -> None:
    adv, x = pair(seed, eps, norm)
    threat = threat_named(norm, eps=eps)
    for rounded in (lattice.nearest(adv, x, threat), lattice.towards_clean(adv, x)):
        assert rounded.shape == adv.shape and rounded.dtype == adv.dtype
        assert bool(lattice.holds(rounded).all())
        assert inside(rounded, x, threat)
        assert torch.equal(lattice.towards_clean(rounded, x), rounded)
        assert torch.equal(lattice.nearest(rounded, x, threat), rounded)


@every_lattice
@given(seeds, radii, both, st.booleans())
def test_no_norm_grows_towards_the_clean_values(lattice: Lattice, seed: int, eps: float, norm: Norm, levels: bool) -> None:
    adv, x = pair(seed, eps, norm, levels=levels)
    rounded = lattice.towards_clean(adv, x)
    for name in ("linf", "l2"):
        before, after = (row_norm(inputs.double() - x.double(), name) for inputs in (adv, rounded))
        assert bool((after <= before + 2e-6).all())


@every_lattice
@given(seeds, radii, both)
def test_the_lens_shows_the_nearest_values_and_lets_gradients_pass(
    lattice: Lattice, seed: int, eps: float, norm: Norm
) -> None:
    adv, x = pair(seed, eps, norm)
    threat = threat_named(norm, eps=torch.linspace(0.5, 1, 4, dtype=torch.float64) * eps)
    rows = torch.tensor([2, 0, 2])
    leaf = adv[rows].requires_grad_()
    shown = lattice.lens(x, threat)(leaf, rows)
    torch.testing.assert_close(shown, lattice.nearest(adv[rows], x[rows], threat.rows(rows)), rtol=0, atol=1e-6)
    weight = torch.rand(shown.shape, generator=torch.Generator().manual_seed(seed))
    (gradient,) = torch.autograd.grad((weight * shown).sum(), leaf)
    assert torch.equal(gradient, weight)


def test_real_numbers_are_left_alone() -> None:
    adv = torch.tensor([[0.1234], [float("nan")]])
    assert RealNumbers().nearest(adv, adv, Linf(eps=0.1)) is adv
    assert RealNumbers().lens(adv, Linf(eps=0.1)) is clear
    assert RealNumbers().holds(adv).tolist() == [True, False]


def test_eight_bits_hold_multiples_of_one_level_only() -> None:
    everything = torch.arange(256).float() / 255
    assert EIGHT_BIT.holds(everything[:, None]).tolist() == [True] * 256
    assert EIGHT_BIT.holds(everything[:-1, None] + 0.01 / 255).tolist() == [False] * 255


@given(seeds, radii, both, st.booleans())
@example(2495, 1 / 255, "linf", False)
def test_rounding_never_leaves_ball_or_box(seed: int, eps: float, norm: Norm, levels: bool) -> None:
    adv, x = pair(seed, eps, norm, levels=levels)
    rounded = EIGHT_BIT.towards_clean(adv, x)
    # What lies 1e-4 levels from one counts as lying on it, on either side.
    assert ((rounded - x).abs() <= (adv - x).abs() + 5e-7).all()
    assert (row_norm(rounded.double() - x.double(), norm) <= row_norm(adv.double() - x.double(), norm) + 1e-6).all()
    assert (rounded >= 0).all() and (rounded <= 1).all()
    assert inside(rounded, x, threat_named(norm, eps=eps))


@given(seeds, radii)
def test_rounding_gives_the_next_level_towards_the_clean_value(seed: int, eps: float) -> None:
    adv, x = pair(seed, eps, "linf")
    levels = EIGHT_BIT.towards_clean(adv, x).double() * 255
    assert ((levels - levels.round()).abs() < 1e-4).all()
    assert ((EIGHT_BIT.towards_clean(adv, x) - adv).abs() < 1 / 255).all()
    sign = (adv - x).sign()
    assert ((adv - EIGHT_BIT.towards_clean(adv, x)) * sign >= -1e-6).all()


@given(seeds)
def test_images_of_8_bits_stay_as_they_are(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    adv, x = (torch.randint(256, (4, 9), generator=generator).float() / 255 for _ in range(2))
    assert torch.equal(EIGHT_BIT.towards_clean(adv, x), adv)
    everything = (torch.arange(256).float() / 255).view(1, -1)
    for x in (torch.zeros_like(everything), torch.ones_like(everything)):
        assert torch.equal(EIGHT_BIT.towards_clean(everything, x), everything)


def test_rounding_by_hand() -> None:
    x = torch.tensor([[100.0, 100.0, 100.0, 0.0, 255.0]]) / 255
    adv = torch.tensor([[103.7, 96.2, 100.4, 0.9, 254.1]]) / 255
    assert (EIGHT_BIT.towards_clean(adv, x) * 255).tolist() == [pytest.approx([103, 97, 100, 0, 255], abs=1e-4)]


@given(seeds, radii, both, st.booleans())
def test_the_nearest_levels_stay_inside(seed: int, eps: float, norm: Norm, levels: bool) -> None:
    adv, x = pair(seed, eps, norm, levels=levels)
    rounded = EIGHT_BIT.nearest(adv, x, threat_named(norm, eps=eps))
    assert inside(rounded, x, threat_named(norm, eps=eps))
    assert ((rounded - adv).abs() < 1 / 255 + 1e-6).all()
    if levels:
        assert ((rounded * 255 - (rounded * 255).round()).abs() < 1e-4).all()
        assert torch.equal(EIGHT_BIT.towards_clean(rounded, x), rounded)
        assert torch.equal(EIGHT_BIT.nearest(rounded, x, threat_named(norm, eps=eps)), rounded)


@given(seeds, st.sampled_from([1 / 255, 2 / 255, 8 / 255, 1.0]))
def test_in_linf_balls_of_whole_levels_the_nearest_level_is_at_most_half_of_one_away(seed: int, eps: float) -> None:
    adv, x = pair(seed, eps, "linf")
    assert ((EIGHT_BIT.nearest(adv, x, Linf(eps=eps)) - adv).abs() <= 0.5 / 255 + 1e-6).all()


def test_the_nearest_level_by_hand() -> None:
    x = torch.tensor([[100.0, 100.0, 100.0, 0.0, 255.0]]) / 255
    adv = torch.tensor([[103.7, 96.2, 100.4, 0.9, 254.6]]) / 255
    four, small = Linf(eps=4 / 255), Linf(eps=3.7 / 255)
    assert (EIGHT_BIT.nearest(adv, x, four) * 255).tolist() == [pytest.approx([104, 96, 100, 1, 255], abs=1e-4)]
    assert (EIGHT_BIT.nearest(adv, x, small) * 255).tolist() == [pytest.approx([103, 97, 100, 1, 255], abs=1e-4)]


def test_where_no_level_lies_in_the_ball_the_clean_value_stays() -> None:
    x = torch.tensor([[100.5]]) / 255
    assert torch.equal(EIGHT_BIT.nearest(x + 0.2 / 255, x, Linf(eps=0.2 / 255)), x)

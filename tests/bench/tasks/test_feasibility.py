"""What an attack returns is measured here, not believed."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from support.norms import Norm, row_norm
from torch import Tensor

from attacks.lattice import EightBit
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from bench.tasks.feasibility import TOLERANCE, statuses

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


def test_a_radius_just_below_a_level_is_kept() -> None:
    x, eps = torch.full((1, 4), 100 / 255), 8 / 255 - 3e-6
    assert statuses(EightBit().towards_clean(x + eps, x), x, Linf(eps=eps)) == ["ok"]
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

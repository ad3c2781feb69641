"""On a linear model the best attack is known in closed form, and the attacks find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import Norm
from support.statistics import at_least, at_most
from torch import Tensor, nn

from attacks.base import Attack
from attacks.fgsm import FGSM, RFGSM
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.noise import GaussianNoise, SignNoise, UniformNoise
from attacks.pgd import PGD
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]
WEIGHT = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
DUAL: dict[Norm, float] = {"linf": float(WEIGHT.abs().sum()), "l2": float(WEIGHT.norm())}

EXACT: list[Attack] = [
    FGSM(),
    FGSM(objective="margin"),
    PGD(random_start=False),
    PGD(step_size=0.2),
    PGD(steps=5, step_size=0.2, objective="margin", keep="last"),
    PGD(step_size=0.2, target="runner_up"),
    PGD(random_start=False, step_size=0.01, target="random", objective="margin"),
    MIFGSM(),
    MIFGSM(steps=1),
    MIFGSM(steps=4, decay=0.0, objective="margin"),
]
exact = pytest.mark.parametrize("attack", EXACT, ids=repr)
both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


class Linear(nn.Module):
    """Two classes; the lead of class 1 is ``w . (x - 1/2)``."""

    def lead(self, x: Tensor) -> Tensor:
        return (x - 0.5).flatten(1) @ WEIGHT

    def forward(self, x: Tensor) -> Tensor:
        lead = self.lead(x)
        return torch.stack([-lead / 2, lead / 2], dim=1)


@pytest.fixture
def grey() -> Tensor:
    """Inputs so far from the edge of the box that it does not matter."""
    return 0.4 + 0.2 * torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def run(attack: Attack, model: nn.Module, x: Tensor, threat: Threat, streams: Build, **settings: Any) -> Tensor:
    oracle = ModelOracle.of(model, torch.zeros(len(x), dtype=torch.int64), **settings)
    return attack.perturb(oracle, x, threat, rng=streams(len(x)))


@exact
@both_norms
@pytest.mark.parametrize("eps", [0.01, 0.1])
def test_the_gain_is_eps_times_the_dual_norm(attack: Attack, norm: Norm, eps: float, grey: Tensor, streams: Build) -> None:
    model = Linear()
    adv = run(attack, model, grey, threat_named(norm, eps=eps), streams, stochastic=True)
    gain = model.lead(adv) - model.lead(grey)
    assert float(gain.min()) >= eps * DUAL[norm] / 1.01
    assert float(gain.max()) <= eps * DUAL[norm] * (1 + 1e-9)


@pytest.mark.parametrize("attack", [FGSM(), PGD(), MIFGSM()], ids=repr)
@pytest.mark.parametrize("eps", [0.01, 0.2])
def test_linf_finds_the_closed_form_optimum_also_at_the_edge_of_the_box(
    attack: Attack, eps: float, images: Build, streams: Build
) -> None:
    x = images(5)
    expected = (x + eps * WEIGHT.sign().view(2, 4, 4)).clamp(0, 1)
    adv = run(attack, Linear(), x, Linf(eps=eps), streams, stochastic=True)
    torch.testing.assert_close(adv, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("attack", [FGSM(), PGD(step_size=0.2), MIFGSM()], ids=repr)
def test_in_l2_the_optimum_lies_along_the_weights(attack: Attack, grey: Tensor, streams: Build) -> None:
    expected = grey + 0.1 * (WEIGHT / WEIGHT.norm()).view(2, 4, 4)
    adv = run(attack, Linear(), grey, L2(eps=0.1), streams, stochastic=True)
    torch.testing.assert_close(adv, expected, rtol=0, atol=1e-5)


PLANTED = torch.tensor([0.01, 0.02, 0.03, 0.05, 0.08], dtype=torch.float64)


@exact
@both_norms
@pytest.mark.parametrize(("factor", "breaks"), [(1.01, True), (0.999, False)])
def test_a_planted_minimal_radius_decides(
    attack: Attack, norm: Norm, factor: float, breaks: bool, grey: Tensor, streams: Build
) -> None:
    model, wanted = Linear(), -PLANTED * DUAL[norm]
    missing = (wanted - model.lead(grey)) / WEIGHT.square().sum()
    x = grey + missing.view(-1, 1, 1, 1) * WEIGHT.view(2, 4, 4)
    torch.testing.assert_close(model.lead(x), wanted)
    adv = run(attack, model, x, threat_named(norm, eps=factor * PLANTED), streams)
    assert (model.lead(adv) > 0).tolist() == [breaks] * 5


@both_norms
@pytest.mark.parametrize("attack", [RFGSM(), UniformNoise(draws=20), SignNoise(draws=20), GaussianNoise()], ids=repr)
def test_nothing_beats_the_optimum(attack: Attack, norm: Norm, grey: Tensor, streams: Build) -> None:
    model, x = Linear(), grey.repeat(20, 1, 1, 1)
    gain = model.lead(run(attack, model, x, threat_named(norm, eps=0.1), streams, stochastic=True)) - model.lead(x)
    share = gain / (0.1 * DUAL[norm])
    assert float(share.max()) <= 1 + 1e-12
    if isinstance(attack, RFGSM):
        assert at_least(share) > 0.7  # 0.86 in linf, 0.79 in l2
    else:
        assert at_most(share) < 0.5  # 0.39 at most

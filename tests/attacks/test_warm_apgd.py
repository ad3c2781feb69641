"""Warm APGD: it begins where others have ended, and never ends below that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.apgd import APGD
from attacks.model_oracle import ModelOracle
from attacks.objectives import Objective
from attacks.oracle import Answer
from attacks.score_objectives import Decrease, Increase
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat
from attacks.warm_apgd import WarmAPGD

Build = Callable[..., Any]
EPS, SHAPE = 0.05, (2, 3, 6, 6)
PLATEAU = 0.6
"""Share of the way to the best corner up to which the score of :class:`Terrace` is level."""


class Terrace(nn.Module):
    """The mean of an image minus 0.5, level wherever that is below ``PLATEAU * EPS``.

    Uniform noise moves a mean over 108 entries by 0.06 EPS at one standard deviation: a random start sees no gradient.
    """

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).mean(1) - 0.5 - PLATEAU * EPS).relu()


class Asked(ModelOracle):
    """Keeps every input it was asked about."""

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        self.__dict__.setdefault("inputs", []).append(x.clone())
        return super().query(x, rows, grad=grad)


def grey() -> Tensor:
    return torch.full(SHAPE, 0.5, dtype=torch.float64)


def test_from_an_inherited_point_it_climbs_where_random_starts_are_stuck(streams: Build) -> None:
    x = grey()
    for attack, start, expected in (
        (APGD(steps=60), None, 0.0),
        (WarmAPGD(steps=60), None, 0.0),
        (WarmAPGD(steps=60), x + 0.7 * EPS, (1 - PLATEAU) * EPS),
    ):
        oracle = ModelOracle.of(Terrace(), Terrace()(x), objective=Increase(), inherited=start)
        adv = attack.perturb(oracle, x, Linf(eps=EPS), rng=streams(2))
        assert Terrace()(adv).tolist() == pytest.approx([expected] * 2, abs=1e-12), attack


@pytest.mark.parametrize("objective", [Increase(), Decrease()], ids=repr)
@pytest.mark.parametrize("threat", [Linf(eps=EPS), L2(eps=0.3)], ids=repr)
def test_a_linear_score_ends_at_its_optimum(threat: Threat, objective: Objective, streams: Build) -> None:
    weight = torch.randn(108, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1) @ weight

    x = grey()
    oracle = ModelOracle.of(Linear(), Linear()(x), objective=objective)
    adv = WarmAPGD(steps=60).perturb(oracle, x, threat, rng=streams(2))
    most = EPS * float(weight.abs().sum()) if isinstance(threat, Linf) else 0.3 * float(weight.norm())
    assert (Linear()(adv) - Linear()(x)).abs().tolist() == pytest.approx([most] * 2, rel=1e-6)


def test_every_cycle_begins_at_the_best_point_so_far(smooth: Build, images: Build, streams: Build) -> None:
    model, x, steps = smooth(gain=6.0), images(1), 7

    class Score(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return model(x)[:, 0]

    start = Linf(eps=0.2).project(x + 0.1, x)
    oracle = Asked.of(Score(), Score()(x), objective=Increase(), inherited=start)
    adv = WarmAPGD(steps=steps, restarts=3).perturb(oracle, x, Linf(eps=0.2), rng=streams(1))
    inputs = oracle.__dict__["inputs"]
    assert len(inputs) == 3 * (steps + 1) == WarmAPGD(steps=steps, restarts=3).cost()[0]
    scores = torch.stack([Score()(point)[0] for point in inputs])
    assert torch.equal(inputs[0], start)
    for cycle in (1, 2):
        begun = cycle * (steps + 1)
        assert torch.equal(inputs[begun], inputs[int(scores[:begun].argmax())])
    assert Score()(adv)[0] == scores.max() >= scores[0]


def test_the_first_step_is_as_long_as_asked(streams: Build) -> None:
    x = grey()
    for first_step in (0.25, 0.5):
        oracle = Asked.of(Terrace(), Terrace()(x), objective=Increase(), inherited=x + 0.7 * EPS)
        WarmAPGD(steps=2, first_step=first_step).perturb(oracle, x, Linf(eps=EPS), rng=streams(2))
        begun, moved = oracle.__dict__["inputs"][:2]
        assert (moved - begun).max() == pytest.approx(min(first_step, 0.3) * EPS)


@pytest.mark.parametrize("step", [0.0, -1.0])
def test_a_step_that_leads_nowhere_is_refused(step: float) -> None:
    with pytest.raises(ValueError, match="first_step must be positive"):
        WarmAPGD(first_step=step)

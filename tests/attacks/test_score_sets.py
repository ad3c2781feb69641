"""The attack sets on scores: what they spend, and what they inherit."""

from __future__ import annotations

import pytest

from attacks.base import Stage
from attacks.cascade import Cascade, fitting
from attacks.fitting import Traits
from attacks.standard import Quick, Standard, Thorough
from attacks.standard_4 import Standard4, Thorough4
from attacks.standard_5 import Standard5, Thorough5
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

SCORES = Traits(scores=True)
SHAPE = (3, 16, 16)


def spent(stages: tuple[Stage, ...]) -> tuple[int, int]:
    """(pairs, further forwards) on a sample each way, without the last look of every walk."""
    pairs = sum(stage.attack.cost()[1] for stage in stages)
    return pairs, sum(forwards for forwards, backwards in (stage.attack.cost() for stage in stages) if not backwards)


def test_the_budgets_are_those_of_the_documentation() -> None:
    assert spent(Quick().stages(Linf, SCORES)) == (60, 0)
    for standard, thorough in ((Standard(), Thorough()), (Standard4(), Thorough4()), (Standard5(), Thorough5())):
        assert spent(standard.stages(Linf, SCORES)) == (760, 500)
        assert spent(thorough.stages(Linf, SCORES)) == (3 * 760 - 20, 2000)


@pytest.mark.parametrize("cascade", [Quick(), Standard(), Thorough(), Standard4(), Thorough4()], ids=repr)
@pytest.mark.parametrize("threat", [Linf(eps=0.01), L2(eps=0.5)], ids=repr)
def test_every_stage_fits_and_the_last_goes_on_from_the_best_point(cascade: Cascade, threat: Threat) -> None:
    stages = cascade.stages(type(threat), SCORES)
    kept, left_out = fitting(stages, threat, SHAPE, SCORES)
    assert kept == stages and not left_out
    assert stages[-1].attack.inherits and not stages[0].attack.inherits
    assert len({stage.name for stage in stages}) == len(stages)


def test_thorough_contains_standard() -> None:
    standard = {repr(stage) for stage in Standard().stages(Linf, SCORES) if stage.name != "Square"}
    assert standard <= {repr(stage) for stage in Thorough().stages(Linf, SCORES)}


def test_without_gradients_the_searches_by_forwards_are_left() -> None:
    blind = Traits(scores=True, differentiable=False)
    kept, _ = fitting(Standard().stages(Linf, blind), Linf(eps=0.01), SHAPE, blind)
    assert [stage.name for stage in kept][:2] == ["Square", "Square, longer"]
    assert all(stage.attack.access in ("score", "decision") for stage in kept)

"""The form of what the attacked code proposes: numbers that cannot be are refused, whoever says them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench.boards.submission.frames import Frame
from bench.boards.submission.proposing import VIEWS, Most, Proposals, StageProposal, checked
from bench.data.base import Samples
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.foundation.errors import IsolationError
from bench.tasks.unit import COSTS

N = 3
MOST = Most(forwards=100, backwards=40)


def samples() -> Samples:
    return Samples(torch.zeros(N, 1, 2, 2), torch.zeros(N, dtype=torch.int64), torch.arange(N), "own", "test")


def answer(*, seconds: float = 1.0, **costs: list[int]) -> Frame:
    """What honest code proposes for three samples in one stage, but for ``costs``."""
    columns = {name: torch.tensor(costs.get(name, [10] * N), dtype=torch.int64) for name in COSTS}
    status = torch.zeros(N, dtype=torch.int64)
    stage = StageProposal(torch.arange(N), torch.zeros(N, 1, 2, 2), status, columns, seconds, None)
    return Proposals([stage], {}).frame()


def test_costs_that_can_be_are_kept() -> None:
    frame = answer(forwards=[100, 0, 7], backwards=[40, 0, 3], zero_gradients=[40, 0, 0])
    (stage,) = checked(frame, samples(), [MOST], [], seconds=1.0).stages
    assert {name: column.tolist() for name, column in stage.costs.items()} == {
        "forwards": [100, 0, 7],
        "backwards": [40, 0, 3],
        "zero_gradients": [40, 0, 0],
    }


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: answer(forwards=[1, 2**40, 1]),
        lambda: answer(forwards=[1, 101, 1]),
        lambda: answer(forwards=[1, -1, 1]),
        lambda: answer(backwards=[41, 1, 1]),
        lambda: answer(backwards=[1, 1, 1], zero_gradients=[1, 2, 1]),
        lambda: answer(seconds=3.0),
        lambda: answer(seconds=-1.0),
        lambda: answer(seconds=float("inf")),
        lambda: answer(seconds=float("nan")),
    ],
    ids=["2^40", "too many", "negative", "backwards", "zeros", "longer than it took", "before it began", "inf", "nan"],
)
def test_costs_that_cannot_be_are_refused(impossible: Callable[[], Frame]) -> None:
    with pytest.raises(IsolationError, match="has not the form"):
        checked(impossible(), samples(), [MOST], [], seconds=1.0)


def test_every_stage_is_bounded_by_what_it_announces() -> None:
    settings = Settings(model="zoo:snn_vanilla", attack=["standard", "pgd:steps=3"], eps="8/255", n=2)
    request = resolve(settings)
    assert [len(Most.of(request, number)) for number in (0, 1)] == [len(request.stages[0]), 1]
    forwards, backwards = request.stages[1][0].attack.cost()
    assert Most.of(request, 1) == [Most(VIEWS * (forwards + 1), VIEWS * (backwards + 1))]

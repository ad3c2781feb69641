"""What the attacked code proposes: numbers that cannot be are refused, whoever says them; files that keep it are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from support.tiny import Linear, labelled
from torch import Tensor

from bench.boards.submission import own_code
from bench.boards.submission.frames import Frame
from bench.boards.submission.process import Sandbox
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


def kept(folder: Path, *, seed: int = 1) -> tuple[Proposals, int]:
    """What a process that answers with random images proposes for four samples, and how often it was asked."""
    data = labelled(Linear(), 4 + seed)
    request = resolve(Settings(model=Linear(), attack="fgsm", eps="0.1", data=Samples.of(*data)[seed:]))
    asked: list[str] = []

    class Process:
        def ask(self, operation: str, tensors: dict[str, Tensor], *, most: int, **parameters: Any) -> Frame:
            asked.append(operation)
            n = len(tensors["images"])
            costs = {name: torch.zeros(n, dtype=torch.int64) for name in COSTS}
            images = torch.rand(tensors["images"].shape)
            stage = StageProposal(torch.arange(n), images, torch.zeros(n, dtype=torch.int64), costs, 0.0, None)
            clean = {name: torch.zeros(n, dtype=torch.float64) for name in parameters["clean"]}
            return Proposals([stage], clean).frame()

    proposals = own_code._proposals(request, folder, cast(Sandbox, Process()), own_code._Steps(1, lambda tick: None))
    return next(iter(proposals.values())), len(asked)


def test_proposals_are_kept_for_a_run_that_goes_on(tmp_path: Path) -> None:
    first, asked = kept(tmp_path)
    again, asked_again = kept(tmp_path)
    assert (asked, asked_again) == (1, 0)
    assert torch.equal(first.stages[0].images, again.stages[0].images)


@pytest.mark.parametrize("place", [0, 40, 90, -1])
def test_proposals_that_are_damaged_are_asked_for_again(tmp_path: Path, place: int) -> None:
    """Else another image would be judged than the one that was proposed; or a traceback would end every further run."""
    kept(tmp_path)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert kept(tmp_path)[1] == 1
    path.write_bytes(content[: len(content) // 2])
    assert kept(tmp_path)[1] == 1
    path.write_bytes(b"")
    assert kept(tmp_path)[1] == 1
    assert kept(tmp_path)[1] == 0


def test_proposals_for_other_samples_are_not_taken(tmp_path: Path) -> None:
    kept(tmp_path)
    assert kept(tmp_path, seed=2)[1] == 1

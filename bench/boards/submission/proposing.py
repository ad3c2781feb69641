"""Inside of the place: attack the loaded model on one shard. Outside: ask for that, and check the form of the answer.

What comes back are proposals, stage by stage. Which of them break the model, or move its score, is decided elsewhere, by
a process that has not seen labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.boards.submission.frames import MOST_HEAD, Frame
from bench.data.base import Samples
from bench.foundation.errors import IsolationError
from bench.foundation.escaping import one_line
from bench.tasks.unit import COSTS

if TYPE_CHECKING:
    from bench.boards.submission.process import Sandbox
    from bench.models.subject import Subject
    from bench.tasks.task import Request

STATUSES = ("ok", "attack_error", "nan_gradient", "out_of_ball", "out_of_box", "timeout")
VIEWS = 8
"""Passes that one query may take: a gradient path that averages over several ways back asks the model once for each."""
CLOCKS = 1.0
"""Seconds by which the clocks of two processes may differ."""


@dataclass(frozen=True)
class Most:
    """The most passes that one stage can report for a sample."""

    forwards: int
    backwards: int

    @classmethod
    def of(cls, request: Request, attack: int) -> list[Most]:
        """For each stage of an attack of the request, from the cost that its search announces."""
        costs = (stage.attack.cost() for stage in request.stages[attack])
        passes = VIEWS * request.eot
        return [cls(passes * (forwards + 1), passes * (backwards + 1)) for forwards, backwards in costs]

    @property
    def columns(self) -> dict[str, int]:
        """The same by the names of columns."""
        return {"forwards": self.forwards, "backwards": self.backwards, "zero_gradients": self.backwards}


@dataclass(frozen=True)
class StageProposal:
    """What one stage proposes for m of the n samples of a shard.

    rows: positions, int64 ``(m,)``. images: ``(m, ...)``. status: index into :data:`STATUSES`, int64 ``(m,)``.
    costs: int64 ``(m,)`` each. seconds: wall time. failure: what went wrong, in words.
    """

    rows: Tensor
    images: Tensor
    status: Tensor
    costs: dict[str, Tensor]
    seconds: float
    failure: str | None


@dataclass(frozen=True)
class Proposals:
    """One attack at one radius on one shard of n samples.

    clean: columns of clean answers that need gradients, float64 ``(n,)`` each, NaN where there is no number.
    """

    stages: list[StageProposal]
    clean: dict[str, Tensor]

    def frame(self) -> Frame:
        """As a message."""
        tensors = {f"clean/{name}": column for name, column in self.clean.items()}
        for number, stage in enumerate(self.stages):
            columns = {"rows": stage.rows, "images": stage.images, "status": stage.status, **stage.costs}
            tensors |= {f"{number}/{name}": tensor for name, tensor in columns.items()}
        return Frame({"stages": [[stage.seconds, stage.failure] for stage in self.stages]}, tensors)


def propose(subject: Subject, question: Frame) -> Frame:
    """Attack, in the child. question: images, labels, ids; attack, eps, norm, path, seed, clean (names of columns)."""
    from bench.evaluation.plan import plan
    from bench.evaluation.request.resolve import resolve
    from bench.evaluation.request.settings import Settings
    from bench.evaluation.workbench import Workbench
    from bench.tasks.unit import StageOutcome, UnitKey, UnitResult

    head, tensors = question.head, question.tensors
    settings = Settings(
        model=subject,
        attack=head["attack"],
        eps=head["eps"],
        norm=head["norm"],
        n=None,
        data=Samples(tensors["images"], tensors["labels"], tensors["ids"], "shard", "test"),
        path=head["path"],
        seed=head["seed"],
    )
    request = resolve(settings)
    workbench, done, stages = Workbench(request), dict[UnitKey, UnitResult](), []
    columns: dict[str, Tensor] = {}
    for key in plan(request):
        if key.kind == "noise":  # whoever judges makes it
            continue
        finished = workbench.compute(key, done)
        outcome = done[key] = finished.result
        if key.kind == "clean":
            columns = {name: _numbers(getattr(outcome, name)) for name in head["clean"]}
        if isinstance(outcome, StageOutcome) and finished.rows is not None and finished.images is not None:
            stages.append(_stage(outcome, finished.rows, finished.images))
    return Proposals(stages, columns).frame()


def _numbers(values: Sequence[float | None]) -> Tensor:
    return torch.tensor([math.nan if value is None else value for value in values], dtype=torch.float64)


def _stage(outcome: Any, rows: Tensor, images: Tensor) -> StageProposal:
    return StageProposal(
        rows=rows,
        images=images,
        status=torch.tensor([STATUSES.index(status) for status in outcome.status], dtype=torch.int64),
        costs={name: torch.tensor(getattr(outcome, name), dtype=torch.int64) for name in COSTS},
        seconds=outcome.seconds,
        failure=outcome.failure,
    )


def ask(sandbox: Sandbox, samples: Samples, *, stages: Sequence[Most], **parameters: Any) -> Proposals:
    """Attack, seen from outside. stages: what each may cost. parameters: as :func:`propose` takes them.

    Raises ``IsolationError`` if the answer has not the form of one, or reports more passes or seconds than there can have
    been.
    """
    given = {"images": samples.images, "labels": samples.labels, "ids": samples.ids}
    columns = 8 * len(samples) * (2 + len(COSTS))
    images = samples.images.numel() * 4
    most = MOST_HEAD + len(stages) * (images + columns) + 8 * len(samples) * len(parameters["clean"])
    start = time.monotonic()
    answer = sandbox.ask("attack", given, most=most, **parameters)
    return checked(answer, samples, stages, parameters["clean"], seconds=time.monotonic() - start)


def checked(
    answer: Frame, samples: Samples, stages: Sequence[Most], clean: Sequence[str], *, seconds: float = math.inf
) -> Proposals:
    """The proposals in an answer of foreign code, or in a file that keeps one. seconds: that it took to answer."""
    about = answer.head.get("stages")
    if not (isinstance(about, list) and len(about) == len(stages)):
        raise _malformed()
    columns = {}
    for name in clean:
        column = answer.tensors.get(f"clean/{name}")
        if column is None or column.dtype != torch.float64 or column.shape != (len(samples),) or bool((column < 0).any()):
            raise _malformed()
        columns[name] = column
    proposals = [_checked_stage(answer, number, samples, most) for number, most in enumerate(stages)]
    if sum(stage.seconds for stage in proposals) > seconds + CLOCKS:
        raise _malformed()
    return Proposals(proposals, columns)


def _checked_stage(answer: Frame, number: int, samples: Samples, most: Most) -> StageProposal:
    about = answer.head["stages"][number]
    if not (isinstance(about, list) and len(about) == 2 and _is_time(about[0])):
        raise _malformed()
    images = answer.tensors.get(f"{number}/images")
    if images is None or images.dtype != torch.float32 or images.shape[1:] != samples.shape[1:]:
        raise _malformed()
    highest = {"rows": len(samples) - 1, "status": len(STATUSES) - 1, **most.columns}
    columns = {name: _whole(answer.tensors.get(f"{number}/{name}"), len(images), high) for name, high in highest.items()}
    if bool((columns["rows"].diff() <= 0).any()):  # in order, and none twice
        raise _malformed()
    if bool((columns["zero_gradients"] > columns["backwards"]).any()):
        raise _malformed()
    failure = None if about[1] is None else one_line(about[1])
    costs = {name: columns[name] for name in COSTS}
    return StageProposal(columns["rows"], images, columns["status"], costs, float(about[0]), failure)


def _whole(column: Tensor | None, rows: int, most: int) -> Tensor:
    """A column of whole numbers from 0 to ``most``."""
    if column is None or column.dtype != torch.int64 or column.shape != (rows,):
        raise _malformed()
    if not bool(((column >= 0) & (column <= most)).all()):
        raise _malformed()
    return column


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _malformed() -> IsolationError:
    return IsolationError("The attacked code's answer has not the form of one.", "Leave the evaluator alone.")

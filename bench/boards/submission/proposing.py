"""Inside of the place: attack the loaded model on one shard. Outside: ask for that, and check the form of the answer.

What comes back are proposals. Which of them break the model is decided elsewhere, by a process that has not seen labels.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.boards.submission.frames import Frame
from bench.boards.submission.process import one_line
from bench.data.base import Samples
from bench.foundation.errors import IsolationError

if TYPE_CHECKING:
    from bench.boards.submission.process import Sandbox
    from bench.models.subject import Subject

COUNTS = ("forwards", "backwards", "zero_gradients")
STATUSES = ("ok", "attack_error", "nan_gradient", "out_of_ball", "out_of_box", "timeout")


@dataclass(frozen=True)
class Proposals:
    """One attack at one radius on one shard of n samples.

    images: (n, ...); those that were not attacked are clean. stage: int64 (n,), number of the stage that is said to have
    broken a sample, -1 for none. counts: int64 (n,) each. status: index into :data:`STATUSES`, int64 (n,).
    stages: mean forwards, backwards, zero gradients and seconds of each stage. failures: what went wrong, in words.
    """

    images: Tensor
    stage: Tensor
    counts: dict[str, Tensor]
    status: Tensor
    stages: list[tuple[float, float, float, float]]
    failures: list[str]

    def frame(self) -> Frame:
        """As a message."""
        tensors = {"images": self.images, "stage": self.stage, "status": self.status, **self.counts}
        return Frame({"stages": self.stages, "failures": self.failures}, tensors)


def propose(subject: Subject, question: Frame) -> Frame:
    """Attack, in the child. question: images, labels, ids; attack, eps, norm, path, seed."""
    from safetensors.torch import load

    from bench.evaluation.evaluate import evaluate
    from bench.evaluation.saved_images import path_of

    head, tensors = question.head, question.tensors
    samples = Samples(tensors["images"], tensors["labels"], tensors["ids"], "shard", "test")
    with tempfile.TemporaryDirectory() as name:
        record = evaluate(
            subject,
            attack=head["attack"],
            eps=head["eps"],
            norm=head["norm"],
            n=None,
            data=samples,
            path=head["path"],
            seed=head["seed"],
            out=Path(name),
            save_adv=True,
        )
        (folder,) = Path(name).iterdir()
        images = load(path_of(folder, f"attack/0/{record.cells[0].eps!r}/0").read_bytes())["images"]
    rows = record.rows.set_index("sample").loc[tensors["ids"].tolist()]
    names = [stage.name for stage in record.cells[0].stages]
    failed = [check.says for check in record.reliability.checks if check.name == "failure"]
    return Proposals(
        images=images,
        stage=torch.tensor([names.index(stage) if stage in names else -1 for stage in rows["stage"]]),
        counts={count: torch.tensor(rows[count].to_numpy()) for count in COUNTS},
        status=torch.tensor([STATUSES.index(status) for status in rows["status"]]),
        stages=[
            (stage.forwards, stage.backwards, stage.zero_gradients * stage.backwards, stage.seconds)
            for stage in record.cells[0].stages
        ],
        failures=failed,
    ).frame()


def ask(sandbox: Sandbox, samples: Samples, *, stages: int, **parameters: Any) -> Proposals:
    """Attack, seen from outside. stages: how many there are.

    Raises ``IsolationError`` if the answer has not the form of one.
    """
    given = {"images": samples.images, "labels": samples.labels, "ids": samples.ids}
    return checked(sandbox.ask("attack", given, **parameters), samples, stages)


def checked(answer: Frame, samples: Samples, stages: int) -> Proposals:
    """The proposals in an answer of foreign code, or in a file that keeps one."""
    images, whole = attacked(answer, samples, {"stage": (-1, stages - 1)})
    spent = answer.head.get("stages")
    if not (isinstance(spent, list) and len(spent) == stages and all(_cost(one) for one in spent)):
        raise malformed()
    costs = [(float(a), float(b), float(c), float(d)) for a, b, c, d in spent]
    return Proposals(images, whole["stage"], {c: whole[c] for c in COUNTS}, whole["status"], costs, failures_in(answer))


def malformed() -> IsolationError:
    """What is raised for an answer that is none."""
    return IsolationError("The attacked code's answer has not the form of one.", "Leave the evaluator alone.")


def attacked(answer: Frame, samples: Samples, ranges: dict[str, tuple[int, int]]) -> tuple[Tensor, dict[str, Tensor]]:
    """Images of the form of ``samples``, and the whole numbers told of each: status, counts, and those of ``ranges``.

    ranges: column to its least and largest value. Raises ``IsolationError`` if one is missing or wrong.
    """
    images = answer.tensors.get("images")
    if images is None or images.dtype != torch.float32 or images.shape != samples.images.shape:
        raise malformed()
    wanted = {"status": (0, len(STATUSES) - 1), **dict.fromkeys(COUNTS, (0, 2**40)), **ranges}
    columns = {}
    for name, (low, high) in wanted.items():
        column = answer.tensors.get(name)
        if column is None or column.dtype != torch.int64 or column.shape != (len(samples),):
            raise malformed()
        if not bool(((column >= low) & (column <= high)).all()):
            raise malformed()
        columns[name] = column
    return images, columns


def failures_in(answer: Frame) -> list[str]:
    """What went wrong, in words, one line each."""
    told = answer.head.get("failures")
    if not isinstance(told, list) or len(told) > 100:
        raise malformed()
    return [one_line(failure) for failure in told]


def _cost(one: Any) -> bool:
    return (
        isinstance(one, list | tuple)
        and len(one) == 4
        and all(isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**40 for value in one)
    )

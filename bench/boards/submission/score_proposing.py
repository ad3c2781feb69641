"""Inside of the place: move the scores of the loaded model, one stage of an attack at a time. Outside: ask for that.

No sample of a model that scores ever falls, so every stage proposes an image for every sample, and how far each moved the
score is decided elsewhere, as for models that decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.boards.submission.frames import Frame
from bench.boards.submission.proposing import COUNTS, STATUSES, attacked, failures_in, malformed
from bench.data.base import Samples

if TYPE_CHECKING:
    from bench.boards.submission.process import Sandbox
    from bench.models.subject import Subject


@dataclass(frozen=True)
class Moved:
    """One stage at one radius on one shard of n samples.

    images: (n, ...). counts: int64 (n,) each. status: index into ``STATUSES``, int64 (n,).
    gradient_l1: float64 (n,) of the clean images, NaN where it is not finite. failures: what went wrong, in words.
    """

    images: Tensor
    counts: dict[str, Tensor]
    status: Tensor
    gradient_l1: Tensor
    failures: list[str]

    def frame(self) -> Frame:
        """As a message."""
        tensors = {"images": self.images, "status": self.status, "gradient_l1": self.gradient_l1, **self.counts}
        return Frame({"failures": self.failures}, tensors)


def propose_shifts(subject: Subject, question: Frame) -> Frame:
    """Run one stage, in the child. question: images, labels, ids; attack, eps, norm, path, seed, stage, key."""
    from bench.evaluation.request.resolve import resolve
    from bench.evaluation.units import Evaluator

    head, tensors = question.head, question.tensors
    samples = Samples(tensors["images"], tensors["labels"], tensors["ids"], "shard", "test")
    request = resolve(
        subject,
        head["attack"],
        head["eps"],
        norm=head["norm"],
        n=None,
        data=samples,
        path=head["path"],
        seed=head["seed"],
    )
    images = samples.images

    def keep(key: str, rows: Tensor, found: Tensor) -> None:
        nonlocal images
        images = found

    evaluator = Evaluator(request, keep)
    shard = evaluator.shard(range(len(samples)))
    clean = evaluator.judge.clean(shard)
    (planned,), (eps,) = request.attacks, request.eps
    stage = evaluator.stages(planned)[head["stage"]]
    rows = evaluator.judge.standing(clean, [])
    with evaluator.own_randomness(head["key"]):
        unit = evaluator.attack(evaluator.judge.ready(shard, clean), rows, eps, stage, head["stage"], head["key"])
    sizes = [float("nan") if size is None else size for size in clean["gradient_l1"]]
    return Moved(
        images=images,
        counts={count: torch.tensor(unit[count]) for count in COUNTS},
        status=torch.tensor([STATUSES.index(status) for status in unit["status"]]),
        gradient_l1=torch.tensor(sizes, dtype=torch.float64),
        failures=[unit["failure"]] if unit["failure"] else [],
    ).frame()


def ask_to_move(sandbox: Sandbox, samples: Samples, **parameters: Any) -> Moved:
    """A stage, seen from outside. Raises ``IsolationError`` if the answer has not the form of one."""
    given = {"images": samples.images, "labels": samples.labels, "ids": samples.ids}
    return checked_move(sandbox.ask("move", given, **parameters), samples)


def checked_move(answer: Frame, samples: Samples) -> Moved:
    """The images in an answer of foreign code, or in a file that keeps one."""
    images, columns = attacked(answer, samples, {})
    sizes = answer.tensors.get("gradient_l1")
    if sizes is None or sizes.dtype != torch.float64 or sizes.shape != (len(samples),) or bool((sizes < 0).any()):
        raise malformed()
    return Moved(images, {c: columns[c] for c in COUNTS}, columns["status"], sizes, failures_in(answer))

"""The checks that a submission must pass, the same at home as in continuous integration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from bench.boards.submission.folder import snapshot
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import Probe, probe
from bench.boards.submission.questions import against_claim, answers_again, gradient_checks, of
from bench.boards.submission.score_checking import probed_scores
from bench.data import load_samples
from bench.evaluation.records.record import Check
from bench.foundation.errors import BenchError, IsolationError, SubmissionError
from bench.metrics.statistics import wilson

if TYPE_CHECKING:
    from bench.boards.submission.schema import Submission
    from bench.data.base import Samples

MAY_CHANGE = 0.01
"""Share of decisions that may depend on company, by rounding; an evaluation counts these samples as broken."""


@dataclass(frozen=True)
class Checked:
    """What was found. submission: None if it could not even be read."""

    submission: Submission | None
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(check.status != "fail" for check in self.checks)


def check(source: Path, *, n: int = 200, trust_code: bool = False, limits: Limits | None = None) -> Checked:
    """Check the folder ``source`` on the first ``n`` test samples of its data set. Never raises for what is wrong with it.

    Raises ``IsolationError`` if own code cannot be isolated here.
    """
    found: list[Check] = []
    submission = None
    try:
        with snapshot(source) as taken:
            submission = taken.submission
            found.append(of("files", True, 0, "files, hashes and fields are as they should be"))
            samples = load_samples(submission.dataset, n=n)
            if samples.labels.is_floating_point() != (submission.task == "quality"):
                raise SubmissionError(f"{samples.name} is no data set for {submission.task}.", "Name another as dataset.")
            with probe(taken, trust_code=trust_code, limits=limits or Limits()) as model:
                found += (probed_scores if submission.task == "quality" else probed)(model, submission, samples)
    except IsolationError as error:
        if error.what.startswith("Foreign code cannot be isolated"):
            raise
        found.append(of("isolation", False, 0, str(error)))
    except BenchError as error:
        found.append(of("acceptance", False, 0, str(error)))
    return Checked(submission, found)


def probed(model: Probe, submission: Submission, samples: Samples) -> Iterator[Check]:
    """Shapes, stability, statelessness, gradient, accuracy."""
    images, labels = samples.images, samples.labels
    first = model.logits(images)
    classes = first.shape[1]
    enough = int(labels.max()) < classes
    yield of("shapes", enough, classes, f"logits for {classes} classes, finite")
    yield from _stability(model, submission, images, first)
    yield from gradient_checks(model, submission, images)
    yield from _accuracy(submission, first, labels)


def _stability(model: Probe, submission: Submission, images: Tensor, first: Tensor) -> Iterator[Check]:
    decided = first.argmax(1)
    for how, logits in answers_again(model.logits, images, first).items():
        changed = float((logits.argmax(1) != decided).float().mean())
        says = f"{changed:.1%} of the decisions change when {how}"
        if submission.stochastic:
            yield of(how, True, changed, f"{says} (declared stochastic)")
        else:
            yield of(how, changed <= MAY_CHANGE, changed, says)


def _accuracy(submission: Submission, first: Tensor, labels: Tensor) -> Iterator[Check]:
    right = int((first.argmax(1) == labels).sum())
    measured = wilson(right, len(labels))
    says = f"clean accuracy {measured.value:.1%} [{measured.low:.1%}, {measured.high:.1%}] on {len(labels)} images"
    yield against_claim("clean accuracy", measured, submission.claims.clean, says, ".1%")

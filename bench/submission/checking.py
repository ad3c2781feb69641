"""The checks that a submission must pass, the same at home as in continuous integration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.data import load_samples
from bench.errors import BenchError, IsolationError
from bench.metrics.statistics import wilson
from bench.record import Check
from bench.submission.folder import snapshot
from bench.submission.isolation import Limits
from bench.submission.probes import Probe, probe

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.submission.schema import Submission

ALONE = 4
"""Images that are also asked about one by one."""
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

    Raises :class:`~bench.errors.IsolationError` if own code cannot be isolated here.
    """
    found: list[Check] = []
    submission = None
    try:
        with snapshot(source) as taken:
            submission = taken.submission
            found.append(_check("files", True, 0, "files, hashes and fields are as they should be"))
            samples = load_samples(submission.dataset, n=n)
            with probe(taken, trust_code=trust_code, limits=limits or Limits()) as model:
                found += probed(model, submission, samples)
    except IsolationError as error:
        if error.what.startswith("Foreign code cannot be isolated"):
            raise
        found.append(_check("isolation", False, 0, str(error)))
    except BenchError as error:
        found.append(_check("acceptance", False, 0, str(error)))
    return Checked(submission, found)


def _check(name: str, good: bool, value: float, says: str, *, otherwise: str = "fail") -> Check:
    return Check.model_validate({"name": name, "status": "pass" if good else otherwise, "value": value, "says": says})


def probed(model: Probe, submission: Submission, samples: Samples) -> Iterator[Check]:
    """Shapes, stability, statelessness, gradient, accuracy."""
    images, labels = samples.images, samples.labels
    first = model.logits(images)
    classes = first.shape[1]
    enough = int(labels.max()) < classes
    yield _check("shapes", enough, classes, f"logits for {classes} classes, finite")
    yield from _stability(model, submission, images, first)
    yield from _gradient(model, submission, images)
    yield from _accuracy(submission, first, labels)


def _stability(model: Probe, submission: Submission, images: Tensor, first: Tensor) -> Iterator[Check]:
    decided = first.argmax(1)
    order = torch.arange(len(images)).flip(0)
    again = {
        "asked again": model.logits(images).argmax(1),
        "in another order": model.logits(images[order]).argmax(1)[order],
        "after other images": _after(model, images),
        "one by one": torch.cat([model.logits(images[:ALONE], batch=1).argmax(1), decided[ALONE:]]),
    }
    for how, decisions in again.items():
        changed = float((decisions != decided).float().mean())
        says = f"{changed:.1%} of the decisions change when {how}"
        if submission.stochastic:
            yield _check(how, True, changed, f"{says} (declared stochastic)")
        else:
            yield _check(how, changed <= MAY_CHANGE, changed, says)


def _after(model: Probe, images: Tensor) -> Tensor:
    """Decisions after the model has seen something else: one that keeps a state gives others."""
    model.logits(1 - images)
    return model.logits(images).argmax(1)


def _gradient(model: Probe, submission: Submission, images: Tensor) -> Iterator[Check]:
    layers = model.layers
    if submission.spiking:
        says = f"{layers} spiking layers take the attacker's gradient path"
        yield _check("gradient path", layers > 0, layers, says)
    elif layers:
        yield _check("gradient path", False, layers, f"{layers} layers take gradient paths, but spiking is false")
    silent = model.silent_share(images[:ALONE])
    says = f"{silent:.0%} of {min(ALONE, len(images))} images have no gradient"
    yield _check("gradient", silent < 0.5, silent, says, otherwise="warn")


def _accuracy(submission: Submission, first: Tensor, labels: Tensor) -> Iterator[Check]:
    right = int((first.argmax(1) == labels).sum())
    measured = wilson(right, len(labels))
    says = f"clean accuracy {measured.value:.1%} [{measured.low:.1%}, {measured.high:.1%}] on {len(labels)} images"
    claimed = submission.claims.clean
    if claimed is None:
        yield _check("clean accuracy", True, measured.value, f"{says}; nothing was claimed")
        return
    says = f"{says}; claimed {claimed:.1%}"
    if claimed < measured.low:
        yield _check("clean accuracy", False, measured.value, f"{says}: is it another model?", otherwise="warn")
        return
    yield _check("clean accuracy", claimed <= measured.high, measured.value, says)

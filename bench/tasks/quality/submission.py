"""Checks of submissions that score, in addition to those of every submission."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from bench.data import load_samples
from bench.foundation.errors import SubmissionError
from bench.metrics.quality import estimate, srcc
from bench.tasks.quality.judge import SAME_SCORE
from bench.tasks.results import Check
from bench.tasks.submission import (
    Probe,
    Submission,
    SubmissionRules,
    Template,
    against_claim,
    answers_again,
    asked,
    gradient_checks,
    of,
)

if TYPE_CHECKING:
    from bench.data.base import Samples

TEMPLATE = Template(
    fields="""\
# Scores on the scale of the labels, from 0 to 1: higher is better, and spread as the labels are.
task: quality
dataset: photos
spiking: false""",
    claims="{srcc: 0.7, shift: {8/255: 1.5}}",
    builder="""\
# A registered network: nothing of yours is run. See bench show zoo:iqa_hyperiqa.
builder: {name: hyperiqa, arguments: {}}""",
    code='''\
"""A network of one's own. It may import torch, this project's packages and installed libraries, and no other file."""

from __future__ import annotations

from torch import nn

from zoo.quality.hyperiqa import hyperiqa


def build() -> nn.Module:
    """Images (N, C, H, W) in [0, 1] to scores (N,), higher is better. The weights are loaded into what this returns."""
    return hyperiqa()
''',
)

SPREAD = (0.75, 1.33)
"""Allowed ratio of the deviation of scores to that of labels; the nine models of the zoo have 0.91 to 1.12 on 65 test
images."""


def probed(model: Probe, submission: Submission, samples: Samples) -> Iterator[Check]:
    """Checks of shapes, stability, statelessness, gradient, scale and correlation."""
    images = samples.images
    first = model.scores(images)
    yield of("shapes", True, 1, "one finite score for each image")
    for circumstance, scores in answers_again(model.scores, images, first).items():
        largest_change = float((scores - first).abs().max())
        yield of(
            circumstance,
            largest_change <= SAME_SCORE,
            largest_change,
            f"scores change by up to {largest_change:.2g} when {asked(circumstance)}",
        )
    yield from gradient_checks(model, submission, images)
    yield scale_check(first, samples.labels)
    yield from _correlation(submission, first, samples)


def scale_check(scores: Tensor, labels: Tensor) -> Check:
    """Check that scores ``(n,)`` spread as labels ``(n,)`` do: shifts are in units of the labels, so shrunk scores would
    look robust.
    """
    ratio = float(scores.double().std(correction=0) / labels.double().std(correction=0))
    says = f"scores spread {ratio:.2f} times as widely as the labels; {SPREAD[0]} to {SPREAD[1]} is the same scale"
    return of("scale", SPREAD[0] <= ratio <= SPREAD[1], ratio, says)


def refuse_other_scale(model: Probe, submission: Submission) -> None:
    """Score all test images. Raises ``SubmissionError`` if the scores do not spread as the labels do."""
    samples = load_samples(submission.dataset)
    check = scale_check(model.scores(samples.images), samples.labels)
    if check.status == "fail":
        raise SubmissionError(f"{submission.name} has another scale: {check.says}.", "Calibrate it on validation images.")


def _correlation(submission: Submission, scores: Tensor, samples: Samples) -> Iterator[Check]:
    groups = None if samples.groups is None else samples.groups.numpy()
    statistic = srcc(scores.double().numpy(), samples.labels.double().numpy())
    measured = estimate(statistic, len(samples), groups=groups)
    says = f"SRCC {measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}] on {len(samples)} images"
    if not np.isfinite(measured.value) or measured.value <= 0:
        yield of("SRCC", False, 0.0, f"{says}: higher scores must mean better images")
        return
    yield against_claim("SRCC", measured, submission.claims.srcc, says, ".3f")


SUBMISSION = SubmissionRules(
    claims=("srcc", "shift"),
    may_be_stochastic=False,
    template=TEMPLATE,
    gradient_columns=("gradient_l1",),
    answers=lambda model: model.scores,
    probed=probed,
    refuse=refuse_other_scale,
)

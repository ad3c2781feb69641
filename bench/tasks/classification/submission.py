"""Checks of submissions that decide, in addition to those of every submission."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from bench.metrics.statistics import wilson
from bench.tasks.classification.memory import check_under_attack, memory_checks
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

MAY_CHANGE = 0.01
"""Share of decisions that may depend on the batch, by rounding; an evaluation counts these samples as broken."""

TEMPLATE = Template(
    fields="""\
task: classification
dataset: cifar10
spiking: true""",
    claims="{clean: 0.81, robust: {8/255: 0.3}}",
    builder="""\
# A registered network: nothing of yours is run. See bench show zoo:snn_vanilla.
builder:
  name: compact
  arguments:
    steps: 4
    neuron: {decay: 0.9, threshold: 1.0, reset: hard, surrogate: triangle, width: 1.0}""",
    code='''\
"""A network of one's own. It may import torch, this project's packages and installed libraries, and no other file."""

from __future__ import annotations

from torch import nn

from zoo.architectures.compact import compact


def build() -> nn.Module:
    """Images (N, C, H, W) in [0, 1] to logits (N, K). The weights are loaded into what this returns."""
    return compact(steps=4, neuron={"decay": 0.9, "threshold": 1.0})
''',
)


def probed(model: Probe, submission: Submission, samples: Samples) -> Iterator[Check]:
    """Checks of shapes, stability, statelessness, gradient and accuracy."""
    images, labels = samples.images, samples.labels
    first = model.logits(images)
    classes = first.shape[1]
    covers_labels = int(labels.max()) < classes
    yield of("shapes", covers_labels, classes, f"logits for {classes} classes, finite")
    yield from _stability(model, submission, images, first)
    yield from gradient_checks(model, submission, images)
    yield from _accuracy(submission, first, labels)


def _stability(model: Probe, submission: Submission, images: Tensor, first: Tensor) -> Iterator[Check]:
    decided = first.argmax(1)
    for circumstance, logits in answers_again(model.logits, images, first).items():
        changed = float((logits.argmax(1) != decided).float().mean())
        says = f"{changed:.1%} of the decisions change when {asked(circumstance)}"
        if submission.stochastic:
            yield of(circumstance, True, changed, f"{says} (declared stochastic)")
        else:
            yield of(circumstance, changed <= MAY_CHANGE, changed, says)


def _accuracy(submission: Submission, first: Tensor, labels: Tensor) -> Iterator[Check]:
    right = int((first.argmax(1) == labels).sum())
    measured = wilson(right, len(labels))
    says = f"clean accuracy {measured.value:.1%} [{measured.low:.1%}, {measured.high:.1%}] on {len(labels)} images"
    yield against_claim("clean accuracy", measured, submission.claims.clean, says, ".1%")


SUBMISSION = SubmissionRules(
    claims=("clean", "robust"),
    may_be_stochastic=True,
    template=TEMPLATE,
    answers=lambda model: model.logits,
    probed=probed,
    refuse=lambda model, submission: None,
    memory=memory_checks,
    memory_under_attack=check_under_attack,
)

"""What a reader should know of a model that this suite did not build: too many classes, and accuracy that surprises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from bench.foundation.errors import ModelError
from bench.models.likely_cause import IMAGES, likely_cause
from bench.models.memory import RESET, memory_or_chance
from bench.models.probe import fixed_randomness
from bench.models.scorer import Scorer
from bench.tasks.classification.results import Cell

if TYPE_CHECKING:
    from bench.tasks.task import Request

GOOD = 0.9
"""Clean accuracy from which on nobody looks for mistakes."""
CHANCE = (1.0, 2.5)
"""An interval is at chance if its ends are below these multiples of blind guessing."""
SHORT = 5.0
"""Points below the expected accuracy that are worth a remark."""


def remarks(request: Request, cells: Sequence[Cell]) -> list[str]:
    """Sentences for the record; none for a model of the suite, unless it misses what was expected."""
    return list(_remarks(request, cells))


def _remarks(request: Request, cells: Sequence[Cell]) -> Iterator[str]:
    clean, classes = cells[0].clean, _classes(request)
    foreign, expected = request.subject.foreign, request.expect
    missed = expected is not None and 100 * clean.high < expected and 100 * clean.value < expected - SHORT
    if foreign and (width := len(request.subject.answers[0]) if request.subject.answers else 0) > classes:
        yield f"It tells {width} classes apart, and there are {classes} labels: are these its first classes, in order?"
    if foreign and request.subject.stochastic and _remembers(request):
        yield f"The same images under the same seed get other answers: it remembers its last call. {RESET}"
    if not missed and not (foreign and clean.value < GOOD):
        return
    cause = _cause(request)
    if missed:
        why = f"; {cause}" if cause else ""
        yield f"Clean accuracy is {clean.value:.1%}, and {expected:g}% were expected{why}."
    elif clean.low * classes <= CHANCE[0] and clean.high * classes <= CHANCE[1]:
        why = cause or "its input range, the order of its channels or classes, or its weights may not be those of training"
        yield f"Clean accuracy is {clean.value:.1%}, no better than chance: {why}."
    elif cause:
        yield f"Clean accuracy is {clean.value:.1%}: {cause}."


def _remembers(request: Request) -> bool:
    """Whether what is declared to be chance is memory, which no number of draws averages out."""
    samples, subject = request.samples[:IMAGES], request.subject
    scorer = Scorer(subject.deciding, subject.ref, batch=request.batch)
    streams = KeyedRng.of(request.seed, samples.ids.to(request.device))

    def ask(x: Tensor) -> Tensor:
        return scorer.logits(x, streams)

    return memory_or_chance(subject.module, ask, samples.images.to(request.device)) == "memory"


def _classes(request: Request) -> int:
    """How many classes the labels tell apart: of the data set, or else as far as they go."""
    samples = request.samples
    return max(len(samples.class_names), int(samples.labels.max()) + 1)


def _cause(request: Request) -> str | None:
    """Of the first images, with what the model draws fixed; None where a model cannot be asked."""
    samples, subject = request.samples[:IMAGES], request.subject
    x, labels = samples.images.to(request.device), samples.labels.to(request.device)
    if x.dim() < 4:
        return None
    scorer = Scorer(subject.deciding, subject.ref, batch=request.batch)
    try:
        with fixed_randomness(request.device), torch.no_grad():
            return likely_cause(scorer.logits, x, labels)
    except ModelError:  # NaN on inputs of another range
        return None

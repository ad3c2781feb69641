"""Which models and data belong to this task, and how scores are negated so that higher is better."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.data.base import Samples
from bench.foundation.errors import SpecError
from bench.models.negated import HigherIsBetter
from bench.models.subject import Subject


def takes(samples: Samples) -> bool:
    """Whether labels are real numbers."""
    return samples.labels.is_floating_point()


def admitted(subject: Subject) -> Subject:
    """The subject with higher scores for better images. Raises ``SpecError`` for a subject that scores at random."""
    if subject.stochastic:
        raise SpecError(f"{subject.ref} scores at random.", "Make it deterministic, for example by fixing its draws.")
    if subject.higher_is_better:
        return subject
    low, high = subject.score_range
    return replace(subject, module=HigherIsBetter(subject.module).eval(), score_range=(-high, -low))


def identity(subject: Subject) -> dict[str, Any]:
    """The task, the scale and its direction."""
    return {"task": "quality", "score_range": subject.score_range, "higher_is_better": subject.higher_is_better}

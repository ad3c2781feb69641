"""What the doctor needs before an examination: samples that the model gets right, its spike functions, other models."""

from __future__ import annotations

from dataclasses import replace

import torch

from attacks.randomness import KeyedRng
from bench.data.base import Samples, UpTo
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.evaluation.request.resolve import STOCHASTIC_DRAWS, samples_of
from bench.foundation.errors import DataError, ModelError, SpecError
from bench.foundation.spec import parse_eps
from bench.models.opening import open_subject
from bench.models.probe import Probed
from bench.models.recognition import recognised
from bench.models.scorer import BATCH, Scorer
from bench.models.subject import Subject

EXAMINED = "classification"
"""The task whose models are examined."""


def samples_for(subject: Subject, data: str | tuple[torch.Tensor, torch.Tensor] | None, n: int) -> Samples:
    """Twice as many as are to be examined. Raises ``SpecError`` for a model that is not for the doctor."""
    if subject.task not in (None, EXAMINED):
        raise SpecError(
            f"{subject.ref} is for {subject.task}, and the doctor examines models that decide.",
            "The checks of such a model are in its record: bench evaluate.",
        )
    return samples_of(data if data is not None else subject.dataset, "test", UpTo(2 * n))


def prepared(
    ready: Probed, samples: Samples, n: int, eps: str, seed: int, target: torch.device
) -> tuple[ExaminedModel, float]:
    """The model with at most ``n`` samples that it gets right, and its accuracy. Raises ``DataError`` if there are none."""
    radii, subject = parse_eps(eps, norm="linf"), ready.subject
    x, y = samples.images.to(target), samples.labels.to(target)
    rng = KeyedRng.of(seed, samples.ids.to(target))
    draws = STOCHASTIC_DRAWS if subject.stochastic else 1
    scorer = Scorer(subject.deciding, subject.ref, draws, batch=ready.batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        right = (scorer.decisions(x, rng.fold("clean")) == y).float().mean(0) >= 0.5
    rows = right.nonzero()[:n, 0]
    if not len(rows):
        raise DataError(f"{subject.ref} gets none of {len(y)} samples right.", "Give the data it was made for: --data.")
    examined = ExaminedModel(
        subject=subject,
        x=x[rows],
        y=y[rows],
        rng=rng.rows(rows),
        eps=radii[0].value,
        draws=draws,
        batch=ready.batch,
        micro_batch=min(64, ready.batch) if ready.batch != BATCH else 64,
    )
    return examined, float(right.float().mean())


def looked_at(subject: Subject, samples: Samples) -> Subject:
    """The subject with its spike functions, as an evaluation finds them; why it could not be looked at is kept with it."""
    try:
        return recognised(subject, samples)
    except ModelError as error:
        return replace(subject, unrecognised=error.what)


def sources_for(subject: Subject, requested: tuple[str, ...], samples: Samples, target: torch.device) -> dict[str, Subject]:
    """The models to transfer from, by their names, with their spike functions."""
    from zoo.card import card, names

    known = [name for name in names() if card(name).weights is not None and card(name).dataset == samples.name]
    undefended = [
        f"zoo:{name}" for name in known if card(name).defense.name == "none" and card(name).builder.name == "compact"
    ]
    chosen = requested or tuple(ref for ref in undefended if ref != subject.ref)[:2]
    opened = {ref: open_subject(ref) for ref in chosen}
    return {ref: looked_at(replace(source, module=source.module.to(target)), samples) for ref, source in opened.items()}

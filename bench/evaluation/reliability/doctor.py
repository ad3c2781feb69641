"""``bench doctor``: examinations that decide whether a model's robustness can be measured at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from attacks.randomness import KeyedRng
from bench.data.base import Samples, UpTo
from bench.evaluation.reliability import decisions, gradients, planted_readout, searches
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.evaluation.request.resolve import STOCHASTIC_DRAWS, device_named, samples_of
from bench.foundation.errors import DataError, SpecError
from bench.foundation.spec import parse_eps
from bench.models.borrowing import borrowed
from bench.models.opening import open_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.probe import Probed, probed
from bench.models.scorer import BATCH, Scorer
from bench.models.subject import Subject
from bench.tasks.results import Check

EXAMINED = "classification"
"""The task whose models are examined."""

EXAMINATIONS: dict[str, Callable[[ExaminedModel], Iterator[Check]]] = {
    "layers": gradients.layers,
    "decisions": decisions.stability,
    "vanishing gradients": gradients.vanishing,
    "agreement of paths": gradients.agreement,
    "sparsity of the gradient": gradients.sparsity,
    "a finite step": gradients.uphill,
    "the derivative": gradients.derivative,
    "steps": searches.steps,
    "restarts": searches.restarts,
    "radii": searches.radii,
    "blind searches": searches.blind,
    "paths": searches.paths,
    "active test": planted_readout.active_test,
}
"""Examinations in the order in which they run. An examination that raises becomes a failed check."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of all examinations.

    accuracy: clean, on the samples that were tried. path_names, cosines: mean cosines between the paths' gradients.
    """

    name: str
    samples: int
    accuracy: float
    checks: list[Check]
    path_names: list[str]
    cosines: list[list[float]]

    @property
    def status(self) -> str:
        """``pass``, ``warn`` or ``fail``: the worst of the checks."""
        statuses = {check.status for check in self.checks}
        return next((status for status in ("fail", "warn") if status in statuses), "pass")


def examine(
    model: str | nn.Module,
    *,
    n: int = 64,
    eps: str = "4/255",
    data: str | tuple[torch.Tensor, torch.Tensor] | None = None,
    seed: int = 0,
    stochastic: bool = False,
    device: str = "cpu",
    sources: tuple[str, ...] = (),
    batch: int | None = None,
    prepare: Preparation = NOTHING,
    on_examination: Callable[[str], None] = lambda name: None,
) -> Diagnosis:
    """Examine a model on the first ``n`` samples that it classifies correctly, in linf.

    model, data, stochastic, batch: as for :func:`bench.evaluate`; data may be (images ``(N, C, H, W)``, labels ``(N,)``).
    eps: radius of the attacks. prepare: what is done to a network of the user's own first. sources: models from which
        adversarial images are transferred; empty for the undefended models of the zoo that were trained on the same data.
    Raises ``ModelError`` if the model cannot be run, ``SpecError`` if it scores, ``DataError`` if it classifies no sample
    correctly.
    """
    with borrowed(model):
        subject = open_subject(model, stochastic=stochastic, prepare=prepare)
        target = device_named(device)
        subject = replace(subject, module=subject.module.to(target))
        samples = _samples(subject, data, n)
        ready = probed(subject, samples.shape[1:], prepare, batch=batch or BATCH, device=target)
        examined, accuracy = _prepared(ready, samples, n, eps, seed, target, sources)
        checks: list[Check] = []
        for name, examination in EXAMINATIONS.items():
            on_examination(name)
            checks += _run_examination(name, examination, examined)
        names, matrix = _path_cosines(examined)
    return Diagnosis(examined.name, len(examined.y), accuracy, checks, names, matrix)


def _run_examination(
    name: str, examination: Callable[[ExaminedModel], Iterator[Check]], examined: ExaminedModel
) -> list[Check]:
    """The checks of an examination; its exception, if it raises one, is a failed check."""
    checks: list[Check] = []
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            checks.extend(examination(examined))
    except (DataError, SpecError, MemoryError):
        raise
    except Exception as error:  # of a model that fails in the midst of it, too
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        checks.append(Check(name=name, status="fail", value=0, says=f"could not be looked at: {reason}"))
    return checks


def _path_cosines(examined: ExaminedModel) -> tuple[list[str], list[list[float]]]:
    try:
        names, matrix = gradients.cosines(examined)
    except RuntimeError:  # reported by the examination of gradients
        return [], []
    return names, [[round(value, 4) for value in row] for row in matrix.tolist()]


def _samples(subject: Subject, data: str | tuple[torch.Tensor, torch.Tensor] | None, n: int) -> Samples:
    """Twice as many as are to be examined. Raises ``SpecError`` for a model that is not for the doctor."""
    if subject.task not in (None, EXAMINED):
        raise SpecError(
            f"{subject.ref} scores, and the doctor examines models that decide.",
            "The checks of a model that scores are in its record: bench evaluate.",
        )
    return samples_of(data if data is not None else subject.dataset, "test", UpTo(2 * n))


def _prepared(
    ready: Probed, samples: Samples, n: int, eps: str, seed: int, target: torch.device, sources: tuple[str, ...]
) -> tuple[ExaminedModel, float]:
    """The model with samples that it gets right, and its accuracy."""
    radii, subject = parse_eps(eps, norm="linf"), ready.subject
    x, y = samples.images.to(target), samples.labels.to(target)
    rng = KeyedRng.of(seed, samples.ids.to(target))
    draws = STOCHASTIC_DRAWS if subject.stochastic else 1
    scorer = Scorer(subject.module, subject.ref, draws, batch=ready.batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        right = (scorer.decisions(x, rng.fold("clean")) == y).float().mean(0) >= 0.5
    rows = right.nonzero()[:n, 0]
    if not len(rows):
        raise DataError(f"{subject.ref} gets none of {len(y)} samples right.", "Give the data it was made for: --data.")
    examined = ExaminedModel(
        module=subject.module,
        name=subject.ref,
        x=x[rows],
        y=y[rows],
        rng=rng.rows(rows),
        eps=radii[0].value,
        spiking=subject.path_takers,
        declared=subject.spiking,
        stochastic=subject.stochastic,
        draws=draws,
        batch=ready.batch,
        micro_batch=min(64, ready.batch) if ready.batch != BATCH else 64,
        sources=_sources(subject, sources, samples.name, target),
    )
    return examined, float(right.float().mean())


def _sources(subject: Subject, requested: tuple[str, ...], data: str, target: torch.device) -> dict[str, nn.Module]:
    from zoo.card import card, names

    known = [name for name in names() if card(name).weights is not None and card(name).dataset == data]
    undefended = [
        f"zoo:{name}" for name in known if card(name).defense.name == "none" and card(name).builder.name == "compact"
    ]
    chosen = requested or tuple(ref for ref in undefended if ref != subject.ref)[:2]
    return {ref: open_subject(ref).module.to(target) for ref in chosen}

"""``bench doctor``: examinations that decide whether a model's robustness can be measured at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from bench.evaluation.reliability import decisions, gradients, planted_readout, searches
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.evaluation.reliability.preparing import looked_at, prepared, samples_for, sources_for
from bench.evaluation.request.resolve import device_named
from bench.foundation.errors import DataError, SpecError
from bench.models.borrowing import borrowed
from bench.models.neurons import AUTO, check_neurons
from bench.models.opening import open_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.probe import probed
from bench.models.scorer import BATCH
from bench.tasks.checks import NOT_LOOKED_AT, not_looked_at
from bench.tasks.results import Check

EXAMINATIONS: dict[str, Callable[[ExaminedModel], Iterator[Check]]] = {
    "decisions": decisions.stability,
    "layers": gradients.layers,
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

FIRST = "decisions"
"""The examination that comes before any gradient: of a model that remembers its last call nothing else can be asked."""

WITHOUT_GRADIENTS = (FIRST, "layers", "blind searches")
"""Those for a model whose input no gradient reaches."""


@dataclass(frozen=True)
class Progress:
    """An examination that begins, the ``number``-th of ``total``; doing: on what it is at work, if it has said so."""

    number: int
    total: int
    examination: str
    doing: str = ""


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

    @property
    def not_looked_at(self) -> list[str]:
        """Names of the checks that could not be made; what they would show is not known."""
        return [check.name for check in self.checks if NOT_LOOKED_AT in check.says]


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
    neurons: str = AUTO,
    prepare: Preparation = NOTHING,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Diagnosis:
    """Examine a model on the first ``n`` samples that it classifies correctly, in linf.

    model, data, stochastic, batch, neurons: as for :func:`bench.evaluate`; data may be (images ``(N, C, H, W)``, labels
        ``(N,)``).
    eps: radius of the attacks. prepare: what is done to a network of the user's own first. sources: models from which
        adversarial images are transferred; empty for the undefended models of the zoo that were trained on the same data.
    on_progress: called when an examination begins, and before each gradient and each attack in it.
    The spike functions of a model that this suite did not build are found as for :func:`bench.evaluate`. The cost grows with
    ``n``: on a spiking model, about 500 gradients and 700 forwards per sample.
    Raises ``ModelError`` if the model cannot be run, ``SpecError`` if it scores or none of ``neurons`` fires in it, and
    ``DataError`` if it classifies no sample correctly.
    """
    with borrowed(model):
        subject = open_subject(model, stochastic=stochastic, prepare=prepare)
        target = device_named(device)
        subject = replace(subject, module=subject.module.to(target))
        samples = samples_for(subject, data, n)
        ready = probed(subject, samples.shape[1:], prepare, batch=batch or BATCH, device=target)
        reporter = _Reporter(on_progress)
        examined, accuracy = prepared(ready, samples, n, eps, seed, target)
        examined = replace(examined, on_work=reporter.works)
        checks = _run_examination(FIRST, examined, reporter)
        if any(check.name == decisions.MEMORY for check in checks):
            checks.append(not_looked_at("gradients", "its gradients", "they depend on the calls before"))
            return Diagnosis(subject.ref, len(examined.y), accuracy, checks, [], [])
        recognised_subject = looked_at(examined.subject, samples)
        check_neurons(recognised_subject, neurons)
        examined = replace(
            examined,
            subject=recognised_subject,
            sources=sources_for(subject, sources, samples, target),
        )
        for name in _suited(examined):
            checks += _run_examination(name, examined, reporter)
        names, matrix = _path_cosines(examined)
    return Diagnosis(subject.ref, len(examined.y), accuracy, checks, names, matrix)


def _suited(examined: ExaminedModel) -> Iterator[str]:
    """The examinations after the first that can be made of such a model."""
    blind = not examined.subject.differentiable
    return (name for name in EXAMINATIONS if name != FIRST and (name in WITHOUT_GRADIENTS or not blind))


class _Reporter:
    """Tells how far the examinations are. on_progress: is told."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress
        self._now = Progress(0, len(EXAMINATIONS), FIRST)

    def begins(self, examination: str) -> None:
        """An examination begins."""
        number = list(EXAMINATIONS).index(examination) + 1
        self._now = replace(self._now, number=number, examination=examination, doing="")
        self._on_progress(self._now)

    def works(self, doing: str) -> None:
        """It turns to another gradient or attack."""
        self._on_progress(replace(self._now, doing=doing))


def _run_examination(name: str, examined: ExaminedModel, reporter: _Reporter) -> list[Check]:
    """The checks of an examination; its exception, if it raises one, is a failed check."""
    reporter.begins(name)
    checks: list[Check] = []
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            checks.extend(EXAMINATIONS[name](examined))
    except (DataError, SpecError, MemoryError):
        raise
    except Exception as error:  # of a model that fails in the midst of it, too
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        checks.append(Check(name=name, status="fail", value=0, says=f"{name} fails: {reason}"))
    return checks


def _path_cosines(examined: ExaminedModel) -> tuple[list[str], list[list[float]]]:
    if not examined.subject.differentiable:
        return [], []
    try:
        names, matrix = gradients.cosines(examined)
    except RuntimeError:  # reported by the examination of gradients
        return [], []
    return names, [[round(value, 4) for value in row] for row in matrix.tolist()]

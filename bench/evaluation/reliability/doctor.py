"""``bench doctor``: everything that can be asked to decide whether a model's robustness can be measured at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from attacks.randomness import KeyedRng
from bench.data.base import UpTo
from bench.evaluation.reliability import decisions, gradients, planted_readout, searches
from bench.evaluation.reliability.examined_model import Patient
from bench.evaluation.request.resolve import STOCHASTIC_DRAWS, device_named, samples_of
from bench.foundation.errors import BenchError, DataError, SpecError
from bench.foundation.spec import parse_eps
from bench.models.scorer import Scorer
from bench.models.subject import Subject, borrowed, open_subject
from bench.tasks.results import Check

EXAMINED = "classification"
"""The task whose models are examined."""

EXAMINATIONS: dict[str, Callable[[Patient], Iterator[Check]]] = {
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
"""In the order they are made, each on its own: one that fails to run is itself a finding."""


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    accuracy: clean, on the samples looked at. path_names, cosines: mean cosines between the paths' gradients.
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
        found = {check.status for check in self.checks}
        return next((status for status in ("fail", "warn") if status in found), "pass")


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
    on_examination: Callable[[str], None] = lambda name: None,
) -> Diagnosis:
    """Examine a model on the first ``n`` samples that it gets right, in linf.

    model, data, stochastic: as for :func:`bench.evaluate`. eps: radius of the attacks.
    sources: models that adversarial images are transferred from; empty for the undefended ones of the zoo that were
        trained on the same data.
    Raises a ``BenchError`` if the model cannot be run, or gets nothing right.
    """
    with borrowed(model):
        subject = open_subject(model, stochastic=stochastic)
        target = device_named(device)
        subject = replace(subject, module=subject.module.to(target))
        patient, accuracy = _admitted(subject, n, eps, data, seed, target, sources)
        checks: list[Check] = []
        for name, examination in EXAMINATIONS.items():
            on_examination(name)
            checks += _made(name, examination, patient)
        names, matrix = _cosines(patient)
    return Diagnosis(subject.ref, len(patient.y), accuracy, checks, names, matrix)


def _made(name: str, examination: Callable[[Patient], Iterator[Check]], patient: Patient) -> list[Check]:
    done: list[Check] = []
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            done.extend(examination(patient))
    except (BenchError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        done.append(Check(name=name, status="fail", value=0, says=f"could not be looked at: {reason}"))
    return done


def _cosines(patient: Patient) -> tuple[list[str], list[list[float]]]:
    try:
        names, matrix = gradients.cosines(patient)
    except RuntimeError:  # reported by the examination of gradients
        return [], []
    return names, [[round(value, 4) for value in row] for row in matrix.tolist()]


def _admitted(
    subject: Subject,
    n: int,
    eps: str,
    data: str | tuple[torch.Tensor, torch.Tensor] | None,
    seed: int,
    target: torch.device,
    sources: tuple[str, ...],
) -> tuple[Patient, float]:
    radii = parse_eps(eps, norm="linf")
    if subject.task not in (None, EXAMINED):
        raise SpecError(
            f"{subject.ref} scores, and the doctor examines models that decide.",
            "The checks of a model that scores are in its record: bench evaluate.",
        )
    samples = samples_of(data if data is not None else subject.dataset, "test", UpTo(2 * n))
    x, y = samples.images.to(target), samples.labels.to(target)
    rng = KeyedRng.of(seed, samples.ids.to(target))
    draws = STOCHASTIC_DRAWS if subject.stochastic else 1
    scorer = Scorer(subject.module, subject.ref, draws)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        right = (scorer.decisions(x, rng.fold("clean")) == y).float().mean(0) >= 0.5
    rows = right.nonzero()[:n, 0]
    if not len(rows):
        raise DataError(f"{subject.ref} gets none of {len(y)} samples right.", "Give the data it was made for: --data.")
    patient = Patient(
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
        sources=_sources(subject, sources, samples.name, target),
    )
    return patient, float(right.float().mean())


def _sources(subject: Subject, wanted: tuple[str, ...], data: str, target: torch.device) -> dict[str, nn.Module]:
    from zoo.card import card, names

    known = [name for name in names() if card(name).weights is not None and card(name).dataset == data]
    plain = [f"zoo:{name}" for name in known if card(name).defense.name == "none" and card(name).builder.name == "compact"]
    chosen = wanted or tuple(ref for ref in plain if ref != subject.ref)[:2]
    return {ref: open_subject(ref).module.to(target) for ref in chosen}

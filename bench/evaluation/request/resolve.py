"""From settings to a request: every string resolved, every number checked, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from attacks.base import Attack, Stage
from attacks.cascade import Cascade, fitting
from attacks.fitting import OF_WHOLE_LAYERS
from attacks.gradients.base import GradientPath, Training
from attacks.threats.threat import Threat
from bench.data import load_samples
from bench.data.base import Array, Samples, UpTo, own_samples
from bench.evaluation.request.attack_specs import resolve_attack, resolve_path, threat_of
from bench.evaluation.request.settings import Settings
from bench.evaluation.request.shards import portions_of
from bench.foundation.errors import SpecError, TooFewError
from bench.foundation.spec import Eps, parse_eps
from bench.foundation.threats import threat_at, threat_registry
from bench.models.neurons import check_neurons
from bench.models.opening import open_subject
from bench.models.probe import probed
from bench.models.recognition import PROBED, recognised
from bench.models.scorer import BATCH
from bench.models.subject import Subject
from bench.tasks.checks import GRADIENT_FREE
from bench.tasks.lookup import task_for, task_named
from bench.tasks.resolved_attack import ResolvedAttack
from bench.tasks.task import Request, Task

SECOND_BATCH, SECOND_BATCH_ON_GPU = 64, 512
"""Inputs of the calls by which it is seen whether a decision hangs on the batch; on a CPU also the most of an attack's."""

STOCHASTIC_DRAWS = 10
"""EOT draws per query and scoring draws per verdict of a stochastic model, unless told otherwise."""


def resolve(settings: Settings) -> Request:
    """The request of these settings. Raises ``SpecError`` (or another ``BenchError``) for what cannot be run."""
    _check_numbers(settings)
    radii = _radii(settings)
    attacks = _attacks(settings, radii)
    path_spec, path = resolve_path(settings.path)
    if any(isinstance(each.attack, Cascade) for each in attacks) and settings.path not in ("training", Training()):
        raise SpecError("An attack of several stages chooses its own gradient paths.", "Leave --path out.")
    device = device_named(settings.device)
    task, subject, samples = _task_of(settings)
    threat = threat_at(settings.norm, radii[0].value)
    _check_inputs(threat, samples)
    subject = replace(subject, module=subject.module.to(device))
    ready = probed(subject, samples.shape[1:], settings.prepare, batch=settings.batch or BATCH, device=device)
    subject = recognised(task.admit(ready.subject), samples)
    check_neurons(subject, settings.neurons)
    attacks = _knowing(attacks, samples, device)
    check_path(path, path_spec, subject)
    portions, on_cpu = portions_of(subject, samples, device), device.type == "cpu"
    draws = STOCHASTIC_DRAWS if subject.stochastic else 1
    stages, left_out = _stages(task, attacks, threat, subject, samples)
    return Request(
        task=task,
        subject=subject,
        samples=samples,
        attacks=attacks,
        stages=stages,
        left_out=left_out,
        path_spec=path_spec,
        path=path,
        norm=settings.norm,
        eps=tuple(radii),
        seed=settings.seed,
        eot=settings.eot or draws,
        scorings=settings.scorings or draws,
        device=device,
        micro_batch=_rows_of_call(
            settings, ready.batch, SECOND_BATCH if on_cpu else min(SECOND_BATCH_ON_GPU, portions.query)
        ),
        query_rows=_rows_of_call(settings, ready.batch, min(SECOND_BATCH, portions.query) if on_cpu else portions.query),
        eight_bit=settings.eight_bit,
        shard_rows=portions.shard,
        batch=None if ready.batch == BATCH else ready.batch,
        expect=settings.expect,
    )


def _knowing(attacks: Sequence[ResolvedAttack], samples: Samples, device: torch.device) -> tuple[ResolvedAttack, ...]:
    """The attacks after a look at the inputs on which a stranger's model is tried.

    Raises ``SpecError`` for one that could not do what was asked.
    """
    probe = samples[:PROBED].images.to(device)
    known = []
    for each in attacks:
        try:
            known.append(replace(each, attack=each.attack.knowing(probe)))
        except ValueError as error:
            raise SpecError(f"{each.spec}: {error}.", "Correct what does not fit, or leave it out of the attack.") from error
    return tuple(known)


def _rows_of_call(settings: Settings, batch: int, usual: int) -> int:
    """Inputs of a call that is not the scorer's first: no more than that takes, where it is not the usual number."""
    chosen = settings.micro_batch or usual
    return chosen if batch == BATCH else min(chosen, batch)


def _check_numbers(settings: Settings) -> None:
    for name in ("n", "eot", "scorings", "micro_batch", "batch"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise SpecError(f"{name} must be at least 1, not {value}.", "Correct it, or leave it out.")


def _check_inputs(threat: Threat, samples: Samples) -> None:
    """Raise ``SpecError`` for a threat that makes no sense on the first of the samples."""
    reason = threat.misfit_of_inputs(samples[:PROBED].images)
    if reason is not None:
        raise SpecError(f"{reason[0].upper()}{reason[1:]}.", "Choose another --norm, or data that it is for.")


def _radii(settings: Settings) -> list[Eps]:
    kind = threat_registry.get(settings.norm)
    eps = kind.usual_eps if settings.eps is None else settings.eps
    if eps is None:  # a linf radius of the usual size moves nothing in l2
        raise SpecError(f"There is no default radius in {settings.norm}.", "Give --eps, for example --eps 0.5.")
    return parse_eps(eps, norm=settings.norm)


def _attacks(settings: Settings, radii: Sequence[Eps]) -> tuple[ResolvedAttack, ...]:
    given = [settings.attack] if isinstance(settings.attack, str | Attack) else list(settings.attack)
    attacks = tuple(resolve_attack(spec) for spec in given)
    if not attacks:
        raise SpecError("No attack was given.", "Give at least one, for example --attack pgd.")
    specs = [each.spec for each in attacks]
    if len(set(specs)) < len(specs):
        raise SpecError(f"An attack is given twice: {', '.join(specs)}.", "Give each attack once.")
    for each in attacks:
        for radius in radii:
            threat_of(settings.norm, radius, each.attack)
    return attacks


def _task_of(settings: Settings) -> tuple[Task, Subject, Samples]:
    """The task that the model and its data agree on, the subject, and the samples."""
    subject = open_subject(settings.model, stochastic=settings.stochastic, prepare=settings.prepare)
    data = settings.data if settings.data is not None else subject.dataset
    samples = samples_of(data, settings.split, settings.n, declared=subject.task)
    task = task_for(subject.task, subject.ref, samples)
    return task, replace(subject, task=task.name), samples


def _stages(
    task: Task, attacks: Sequence[ResolvedAttack], threat: Threat, subject: Subject, samples: Samples
) -> tuple[tuple[tuple[Stage, ...], ...], tuple[tuple[str, ...], ...]]:
    """What each attack runs on the model and the samples, and of each the stages that do not fit, with the reason.

    Raises ``SpecError`` for an attack that is not for the model, or of which nothing fits.
    """
    stages, left_out = [], []
    for each in attacks:
        run = task.stages(each, threat.name, subject.traits)
        kept, unfit = fitting(run, threat, samples.shape[1:], subject.traits)
        reasons = {stage.name: _of_whole_layers(stage, subject) for stage in kept}
        kept = tuple(stage for stage in kept if reasons[stage.name] is None)
        left_out.append(
            tuple(f"{each.stage.name}: {each.reason}" for each in unfit)
            + tuple(f"{name}: {reason}" for name, reason in reasons.items() if reason is not None)
        )
        if not kept:
            fix = "Choose another attack." if subject.differentiable else f"Use a search without them: {GRADIENT_FREE}."
            raise SpecError(f"{'; '.join(left_out[-1])}.", fix)
        stages.append(kept)
    return tuple(stages), tuple(left_out)


def _of_whole_layers(stage: Stage, subject: Subject) -> str | None:
    """Why a stage's gradient path is not for a model that has spike functions only; None where it is."""
    path = stage.path
    if path is None or path.is_own or subject.whole_layers or path.spike_gradient() is not None:
        return None
    if not subject.traits.spiking:
        return None
    return OF_WHOLE_LAYERS


def check_path(path: GradientPath, spec: str, subject: Subject) -> None:
    """Raise ``SpecError`` for a path that would change nothing: another number than was asked for."""
    if subject.takes(path):
        return
    if path.coding is not None:
        raise SpecError(
            f"{subject.ref} has no encoder that takes a coding, as {spec} gives it.", "Leave coding out of --path."
        )
    if not subject.traits.spiking:
        seen = "no spike function was found in it" if subject.unrecognised is None else f"it failed ({subject.unrecognised})"
        raise SpecError(
            f"{subject.ref} takes no gradient path such as {spec}: {seen}.", "Attack it along its own gradient (no --path)."
        )
    raise SpecError(
        f"The path {spec} is defined for layers that run all time steps, and {subject.ref} has spike functions.",
        "Use bptt, pdsg or assg, or build the network from layers of this suite (see zoo.adapters).",
    )


def device_named(name: str) -> torch.device:
    """The device of this name. Raises ``SpecError`` if there is none, or it is neither cpu nor cuda."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SpecError(f"There is no device {name!r}.", "Use cpu or cuda.") from error
    if device.type not in ("cpu", "cuda"):
        raise SpecError(f"Nothing has been tested on {name!r}.", "Use cpu or cuda.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SpecError("No CUDA device is available.", "Use --device cpu.")
    return device


def samples_of(
    data: str | tuple[Array, Array] | Samples | None, split: str, n: int | None, *, declared: str | None = None
) -> Samples:
    """The first ``n`` samples of what was named or given. declared: the task that the model says it is for.

    Raises ``TooFewError`` for a named set that has fewer, unless ``n`` is :class:`~bench.data.base.UpTo`.
    """
    if data is None:
        raise SpecError("The model does not say which data it is for.", "Give --data NAME, for example --data cifar10.")
    if isinstance(data, str):
        try:
            return load_samples(data, split=split, n=n)
        except TooFewError:
            if not isinstance(n, UpTo):
                raise
            return load_samples(data, split=split)
    samples = own_samples(data, scores=declared is not None and task_named(declared).real_labels)
    return samples if n is None or n >= len(samples.labels) else samples.take(n)

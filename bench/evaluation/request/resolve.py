"""From what a caller asks for to a request: every string resolved, every number checked, before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attacks.base import Attack
from attacks.cascade import Cascade
from attacks.gradients.base import GradientPath, Training
from attacks.threat import Norm
from attacks.transfer import Transfer
from bench.data import load_samples
from bench.data.base import Array, Samples, UpTo
from bench.evaluation.records.record import EVALUATOR_VERSIONS
from bench.evaluation.request.attack_specs import Planned, Price, plan_attack, plan_path, price, threat_of
from bench.evaluation.units import Request, stages_in
from bench.foundation.errors import SpecError, TooFewError
from bench.foundation.files import sha256_file
from bench.foundation.spec import parse_eps
from bench.models.negated import Opposite
from bench.models.subject import Subject, Task, open_subject

STOCHASTIC_DRAWS = 10
"""EOT draws per query and scoring draws per verdict of a stochastic model, unless told otherwise."""

DEFAULT_N = UpTo(1000)
"""Samples of an evaluation, unless told otherwise."""

DEFAULT_EPS = "8/255"
"""Radius in linf, unless told otherwise."""

SUITE = ("attacks", "zoo", "bench", "reports")
"""Packages of this suite."""


def resolve(
    model: str | nn.Module | Subject,
    attack: str | Attack | Sequence[str | Attack],
    eps: str | float | Sequence[str | float] | None,
    *,
    norm: Norm = "linf",
    n: int | None,
    data: str | tuple[Array, Array] | Samples | None = None,
    path: str | GradientPath = "training",
    seed: int = 0,
    split: str = "test",
    stochastic: bool = False,
    eot: int | None = None,
    scorings: int | None = None,
    eight_bit: bool = False,
    device: str = "cpu",
    micro_batch: int | None = None,
) -> Request:
    """See :func:`bench.evaluate`. Raises ``SpecError`` for what cannot be run."""
    if norm not in ("linf", "l2"):
        raise SpecError(f"Unknown norm {norm!r}.", "Use linf or l2.")
    if eps is None and norm == "l2":  # a linf radius of the usual size moves nothing there
        raise SpecError("There is no default radius in l2.", "Give --eps, for example --eps 0.5.")
    radii = parse_eps(DEFAULT_EPS if eps is None else eps, norm=norm)
    given = [attack] if isinstance(attack, str | Attack) else list(attack)
    planned = [plan_attack(one) for one in given]
    if not planned:
        raise SpecError("No attack was given.", "Give at least one, for example --attack pgd.")
    specs = [one.spec for one in planned]
    if len(set(specs)) < len(specs):
        raise SpecError(f"An attack is given twice: {', '.join(specs)}.", "Give each attack once.")
    for name, value in (("n", n), ("eot", eot), ("scorings", scorings), ("micro_batch", micro_batch)):
        if value is not None and value < 1:
            raise SpecError(f"{name} must be at least 1, not {value}.", "Correct it, or leave it out.")
    for one in planned:
        for radius in radii:
            threat_of(norm, radius, one.attack)
    path_spec, chosen = plan_path(path)
    if any(isinstance(one.attack, Cascade) for one in planned) and path not in ("training", Training()):
        raise SpecError("An attack of several stages chooses its own gradient paths.", "Leave --path out.")
    target = device_named(device)
    subject = open_subject(model, stochastic=stochastic)
    samples = samples_of(data if data is not None else subject.dataset, split, n, scores=subject.task == "quality")
    subject = subject_for(subject, samples)
    _check_path(chosen, path_spec, subject)
    request = Request(
        subject=replace(subject, module=subject.module.to(target)),
        samples=samples,
        attacks=planned,
        path_spec=path_spec,
        path=chosen,
        norm=norm,
        eps=radii,
        seed=seed,
        eot=eot or (STOCHASTIC_DRAWS if subject.stochastic else 1),
        scorings=scorings or (STOCHASTIC_DRAWS if subject.stochastic else 1),
        device=target,
        micro_batch=micro_batch or (64 if target.type == "cpu" else 512),
        eight_bit=eight_bit,
    )
    for one in planned:
        stages_in(request, one)  # raises for attacks that are not for this model, before anything is computed
    return request


def subject_for(subject: Subject, samples: Samples) -> Subject:
    """The subject with the task that it and the data agree on; scores of a model are turned so that higher is better.

    Raises ``SpecError`` if they do not agree, or a model scores at random.
    """
    task: Task = "quality" if samples.labels.is_floating_point() else "classification"
    if subject.task not in (None, task):
        kinds = {"classification": "classes", "quality": "quality scores"}
        raise SpecError(
            f"{subject.ref} answers {kinds[subject.task or task]}, and {samples.name} has {kinds[task]} as labels.",
            "Choose data of its kind with --data.",
        )
    subject = replace(subject, task=task)
    if task == "classification":
        return subject
    if subject.stochastic:
        raise SpecError(f"{subject.ref} scores at random.", "Make it deterministic, for example by fixing its draws.")
    if not subject.higher_is_better:
        low, high = subject.score_range
        return replace(subject, module=Opposite(subject.module).eval(), score_range=(-high, -low))
    return subject


def _check_path(path: GradientPath, spec: str, subject: Subject) -> None:
    """Raise ``SpecError`` for a path that would change nothing: another number than was asked for."""
    traits = subject.traits
    if path.coding is not None and not traits["coded"]:
        raise SpecError(
            f"{subject.ref} has no encoder that takes a coding, as {spec} gives it.", "Leave coding out of --path."
        )
    if path.coding is None and not isinstance(path, Training) and not traits["spiking"]:
        raise SpecError(f"{subject.ref} has no layer that takes the gradient path {spec}.", "Leave --path out.")


def device_named(name: str) -> torch.device:
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
    data: str | tuple[Array, Array] | Samples | None, split: str, n: int | None, *, scores: bool = False
) -> Samples:
    """The first ``n`` samples of what was named or given. scores: whether labels of one's own are scores.

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
    samples = data if isinstance(data, Samples) else Samples.of(*data, scores=scores)
    return samples if n is None or n >= len(samples.labels) else samples.take(n)


def identity_fields(request: Request) -> dict[str, Any]:
    """What determines the rows, as canonical JSON can hold it. Device and batch sizes are not in it."""
    return {
        "evaluator": EVALUATOR_VERSIONS[request.subject.task or "classification"],
        "model": request.subject.fingerprint,
        "stochastic": request.subject.stochastic,
        "data": request.samples.sha256(),
        "norm": request.norm,
        "eps": [eps.value for eps in request.eps],
        "attacks": [_attack_fields(planned, request) for planned in request.attacks],
        "path": {"type": type(request.path).__name__, **asdict(request.path), **_sources([request.path])},
        "seed": request.seed,
        **request.settings,
        **_score_fields(request.subject),
    }


def _score_fields(subject: Subject) -> dict[str, Any]:
    """Of a model that scores; nothing for one that decides, whose identities are older than scores."""
    if subject.task != "quality":
        return {}
    return {"task": subject.task, "score_range": subject.score_range, "higher_is_better": subject.higher_is_better}


def _attack_fields(planned: Planned, request: Request) -> dict[str, Any]:
    stages = stages_in(request, planned)
    given = {"name": planned.name, **planned.defaulted, **planned.passed}
    if isinstance(planned.attack, Cascade):
        given["stages"] = [repr(stage) for stage in stages]
    attacks = [planned.attack, *(stage.attack for stage in stages)]
    attacks += [attack.attack for attack in attacks if isinstance(attack, Transfer)]
    return given | _sources([*attacks, *(stage.path for stage in stages)])


def _sources(things: Sequence[object]) -> dict[str, Any]:
    """Hashes of the modules whose classes are not part of the suite; of the suite's own, the evaluator's version tells."""
    kinds = {type(one) for one in things if type(one).__module__.partition(".")[0] not in (*SUITE, "builtins")}
    found = {f"{kind.__module__}:{kind.__qualname__}": _source_sha256(kind) for kind in kinds}
    return {"source_sha256": found} if found else {}


def _source_sha256(kind: type) -> str | None:
    """Of the file that defines a class; None for one that was typed into an interpreter."""
    try:
        return sha256_file(Path(inspect.getfile(kind)))
    except (OSError, TypeError):
        return None


def cost_of(request: Request) -> Price:
    """The most this request can cost."""
    costs = [_cost(request, planned) for planned in request.attacks]
    draws = max((planned.noise_draws for planned in request.attacks), default=1)
    return price(len(request.samples), costs, draws, len(request.eps), eot=request.eot, scorings=request.scorings)


def _cost(request: Request, planned: Planned) -> tuple[int, int]:
    """(forwards, backwards) of all that is run on a sample for one attack."""
    if request.subject.task != "quality":
        return planned.attack.cost()
    pairs = [stage.attack.cost() for stage in stages_in(request, planned)]
    return sum(forwards for forwards, _ in pairs), sum(backwards for _, backwards in pairs)

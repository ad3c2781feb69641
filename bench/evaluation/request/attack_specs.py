"""Strings resolved once into attacks, gradient paths and threats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attacks import ATTACKS, PATHS
from attacks.base import Attack
from attacks.cascade import Cascade
from attacks.gradients.base import GradientPath
from attacks.threats.threat import Threat
from bench.evaluation.request.resources import SuiteResources
from bench.foundation.errors import SpecError
from bench.foundation.registry import Registry
from bench.foundation.spec import Eps, Spec, bind_params, parse_spec
from bench.foundation.threats import threat_at
from bench.tasks.resolved_attack import ResolvedAttack

attack_registry: Registry[type[Attack]] = Registry("attack", ATTACKS, "bench.attacks")
path_registry: Registry[type[GradientPath]] = Registry("gradient path", PATHS, "bench.paths")


def resolve_attack(spec: str | Attack) -> ResolvedAttack:
    """Resolve ``NAME[:key=value,...]`` (or take a configured attack).

    Raises a ``BenchError`` for unknown names, unknown keys and bad values.
    """
    if isinstance(spec, Attack):
        name = catalogue_name(spec)
        parameters = spec.recorded(_resources(f"attack {name}"))
        return ResolvedAttack(parameters.spec or repr(spec), name, spec, parameters.passed, parameters.defaulted)
    parsed = parse_spec(spec)
    name, kind = _catalogued(parsed)
    what = f"attack {name}"
    with _setting_up(kind, what):
        attack, parameters = kind.from_spec(parsed.params, _resources(what))
    return ResolvedAttack(str(parsed), name, attack, parameters.passed, parameters.defaulted)


def _catalogued(spec: Spec) -> tuple[str, type[Attack]]:
    """The name of an attack, with the version if the spec gives it, and its class.

    Today's sets may be named by their version too. A name never depends on which version is today's: what a board was frozen
    with keeps its name when a later one comes.
    """
    if spec.version is None:
        return spec.name, attack_registry.get(spec.name)
    versioned = f"{spec.name}@{spec.version}"
    if versioned not in attack_registry.names():
        today = attack_registry.get(spec.name)
        if issubclass(today, Cascade) and str(today.version) == spec.version:
            return versioned, today
    return versioned, attack_registry.get(versioned)


def _without_version(text: str) -> Spec:
    """A parsed spec. Raises ``SpecError`` for one with a version: what it would name is this program's, whatever it says."""
    parsed = parse_spec(text)
    if parsed.version is not None:
        raise SpecError(f"{parsed.name} has no versions, and {text!r} asks for one.", f"Drop @{parsed.version}.")
    return parsed


def catalogue_name(attack: Attack) -> str:
    """The name of an attack in the catalogue, or ``module:class`` if it has none."""
    where = f"{type(attack).__module__}:{type(attack).__qualname__}"
    return next((name for name, known in ATTACKS.items() if known == where), where)


def _resources(what: str) -> SuiteResources:
    return SuiteResources(
        what,
        attack=lambda spec: resolve_attack(spec).attack,
        path=lambda spec: resolve_path(spec)[1],
        name_of=catalogue_name,
    )


def resolve_path(spec: str | GradientPath) -> tuple[str, GradientPath]:
    """Resolve a gradient path; raises like :func:`resolve_attack`."""
    if isinstance(spec, GradientPath):
        return repr(spec), spec
    parsed = _without_version(spec)
    kind, what = path_registry.get(parsed.name), f"gradient path {parsed.name}"
    with _setting_up(kind, what):
        return str(parsed), bind_params(kind, parsed.params, what=what)


@contextmanager
def _setting_up(kind: type[Any], what: str) -> Iterator[None]:
    """Turns the errors of attacks and paths into sentences for the user."""
    try:
        yield
    except ModuleNotFoundError as error:
        install = getattr(kind, "install", None)
        if install is None:
            raise
        raise SpecError(f"The {what} needs {error.name}, which is not installed.", f"Run: {install}.") from error
    except ValueError as error:
        raise SpecError(f"The {what} cannot be set up: {error}.", "Correct the parameter.") from error


def threat_of(norm: str, eps: Eps, attack: Attack) -> Threat:
    """The threat model of a cell; raises ``SpecError`` if the attack cannot work under it."""
    threat = threat_at(norm, eps.value)
    reason = attack.misfit_of_threat(threat)
    if reason is not None:
        raise SpecError(f"{reason}.", "Choose another attack or --norm.")
    return threat

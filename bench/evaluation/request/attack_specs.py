"""Strings resolved once into attacks, gradient paths and threats."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from attacks import ATTACKS, PATHS
from attacks.base import Attack
from attacks.gradients.base import GradientPath
from attacks.threats.threat import Threat
from attacks.transfer import Transfer
from attacks.universal import Universal
from bench.evaluation.request.transfer import describe_transfer, resolve_transfer
from bench.evaluation.request.universal import describe_universal, resolve_universal
from bench.foundation.errors import SpecError
from bench.foundation.registry import Registry
from bench.foundation.spec import Eps, bind_params, parse_spec, passed_and_defaulted
from bench.foundation.threats import threat_at
from bench.tasks.resolved_attack import ResolvedAttack

attack_registry: Registry[type[Attack]] = Registry("attack", ATTACKS, "bench.attacks")
path_registry: Registry[type[GradientPath]] = Registry("gradient path", PATHS, "bench.paths")


def resolve_attack(spec: str | Attack) -> ResolvedAttack:
    """Resolve ``NAME[:key=value,...]`` (or take a configured attack).

    Raises a ``BenchError`` for unknown names, unknown keys and bad values.
    """
    if isinstance(spec, Transfer):
        return describe_transfer(spec)
    if isinstance(spec, Universal):
        return describe_universal(spec)
    if isinstance(spec, Attack):
        where = f"{type(spec).__module__}:{type(spec).__qualname__}"
        name = next((name for name, known in ATTACKS.items() if known == where), where)
        changed = {f.name for f in fields(spec) if f.init and getattr(spec, f.name) != f.default}
        passed, defaulted = passed_and_defaulted(spec, changed)
        return ResolvedAttack(repr(spec), name, spec, passed, defaulted)
    parsed = parse_spec(spec)
    kind = attack_registry.get(parsed.name)
    if issubclass(kind, Transfer):
        return resolve_transfer(parsed.params, str(parsed))
    if issubclass(kind, Universal):
        return resolve_universal(parsed.params, str(parsed))
    attack = _bound(kind, parsed.params, f"attack {parsed.name}")
    passed, defaulted = passed_and_defaulted(attack, set(parsed.params))
    return ResolvedAttack(str(parsed), parsed.name, attack, passed, defaulted)


def resolve_path(spec: str | GradientPath) -> tuple[str, GradientPath]:
    """Resolve a gradient path; raises like :func:`resolve_attack`."""
    if isinstance(spec, GradientPath):
        return repr(spec), spec
    parsed = parse_spec(spec)
    return str(parsed), _bound(path_registry.get(parsed.name), parsed.params, f"gradient path {parsed.name}")


def _bound(kind: type[Any], params: dict[str, str], what: str) -> Any:
    try:
        return bind_params(kind, params, what=what)
    except ModuleNotFoundError as error:
        raise SpecError(f"The {what} needs {error.name}, which is not installed.", f"Run: {kind.install}.") from error
    except ValueError as error:
        raise SpecError(f"The {what} cannot be set up: {error}.", "Correct the parameter.") from error


def threat_of(norm: str, eps: Eps, attack: Attack) -> Threat:
    """The threat model of a cell; raises ``SpecError`` if the attack cannot work under it."""
    threat = threat_at(norm, eps.value)
    reason = attack.misfit_of_threat(threat)
    if reason is not None:
        raise SpecError(f"{reason}.", "Choose another attack or --norm.")
    return threat

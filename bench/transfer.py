"""Transfer attacks: from ``transfer:source=NAME,attack=SPEC`` to an attack that holds its source.

``attacks`` cannot load a model, so the source is opened here and handed in; its fingerprint goes on record, because
other weights of the source would give other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from attacks.transfer import Transfer
from bench.errors import SpecError, UnknownNameError
from bench.spec import bind_params, passed_and_defaulted

if TYPE_CHECKING:
    from bench.plan import Planned


PROXY = "proxy:"
"""Prefix of a source that is the model under attack without its spikes."""


@dataclass(frozen=True, kw_only=True)
class TransferParameters:
    """What a spec may say.

    source: a model of the zoo (with or without ``zoo:``), ``FILE.py::FACTORY`` or a card; or the model under attack itself
    without its spikes, ``proxy:relu`` or ``proxy:clip`` (see :mod:`zoo.conversion.proxy`). attack: spec of what crafts, with
    at most one parameter (a comma would end it): ``attack=apgd:steps=20``. path: spec of the source's gradient path.
    """

    source: str = ""
    attack: str = "mifgsm"
    path: str = "training"


def plan_transfer(params: Mapping[str, str], spec: str) -> Planned:
    """The planned attack of a spec; raises :class:`~bench.errors.BenchError` for whatever cannot be resolved."""
    from bench.plan import plan_attack, plan_path
    from bench.subject import open_subject

    given = bind_params(TransferParameters, params, what="attack transfer")
    if not given.source:
        raise SpecError("The attack transfer needs a source.", "Write transfer:source=NAME; see bench ls models.")
    if given.source.startswith(PROXY):
        kind = given.source.removeprefix(PROXY)
        if kind not in ("relu", "clip"):
            raise UnknownNameError.of("proxy", kind, ["relu", "clip"])
        attack = Transfer(
            model=OwnProxy("relu" if kind == "relu" else "clip").eval(),
            attack=plan_attack(given.attack).attack,
            path=plan_path(given.path)[1],
        )
        passed, defaulted = passed_and_defaulted(given, set(params))
        return _planned(attack, spec, passed, defaulted, {"proxy": kind})
    plain = not any(mark in given.source for mark in (":", ".yaml", ".yml"))
    subject = open_subject(f"zoo:{given.source}" if plain else given.source)
    attack = Transfer(model=subject.module, attack=plan_attack(given.attack).attack, path=plan_path(given.path)[1])
    passed, defaulted = passed_and_defaulted(given, set(params))
    return _planned(attack, spec, passed, defaulted, subject.fingerprint)


class OwnProxy(nn.Module):
    """Stands for a proxy of the model under attack until that model is open. kind: ``relu`` or ``clip``."""

    def __init__(self, kind: Literal["relu", "clip"]) -> None:
        super().__init__()
        self.kind = kind


def with_own_proxy(planned: Planned, model: nn.Module) -> Planned:
    """``planned``, with the proxy of ``model`` where it transfers from one (CBA: conversion-based attack).

    Raises :class:`~bench.errors.SpecError` for a model without spikes.
    """
    from zoo.conversion.proxy import proxy

    attack = planned.attack
    if not isinstance(attack, Transfer) or not isinstance(attack.model, OwnProxy):
        return planned
    try:
        made = proxy(model, attack.model.kind)
    except ValueError as error:
        raise SpecError(f"{planned.spec} cannot be made: {error}.", "Choose another source.") from error
    return replace(planned, attack=replace(attack, model=made))


def describe_transfer(attack: Transfer) -> Planned:
    """The planned form of a configured attack, whose source is a module of the user's own."""
    from bench.subject import parameters_sha256, structure_sha256

    source = type(attack.model).__name__
    fingerprint = {
        "structure_sha256": structure_sha256(attack.model),
        "parameters_sha256": parameters_sha256(attack.model),
    }
    passed = {"source": source, "attack": repr(attack.attack), "path": repr(attack.path)}
    spec = f"transfer:source={source}-{fingerprint['parameters_sha256'][:8]},attack={attack.attack!r}"
    return _planned(attack, spec, passed, {}, fingerprint)


def _planned(
    attack: Transfer, spec: str, passed: dict[str, Any], defaulted: dict[str, Any], fingerprint: dict[str, Any]
) -> Planned:
    from bench.plan import Planned, plan_attack

    inner = plan_attack(attack.attack)
    resolved = {
        "source_fingerprint": fingerprint,
        "attack_parameters": {"name": inner.name, **inner.defaulted, **inner.passed},
        "path_parameters": {"type": type(attack.path).__name__, **asdict(attack.path)},
    }
    return Planned(spec, "transfer", attack, passed, defaulted | resolved)

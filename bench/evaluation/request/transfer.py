"""Transfer attacks: from ``transfer:source=NAME,attack=SPEC`` to an attack that holds its source.

``attacks`` cannot load a model, so the source is opened here and handed in; its fingerprint goes on record, because
other weights of the source would give other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from attacks.transfer import Transfer
from bench.foundation.errors import SpecError
from bench.foundation.spec import bind_params, passed_and_defaulted

if TYPE_CHECKING:
    from torch import nn

    from bench.models.subject import Subject
    from bench.tasks.resolved_attack import ResolvedAttack


@dataclass(frozen=True, kw_only=True)
class TransferParameters:
    """What a spec may say.

    source: a model of the zoo (with or without ``zoo:``), ``FILE.py::FACTORY`` or a card. attack: spec of what crafts, with
    at most one parameter (a comma would end it): ``attack=apgd:steps=20``. path: spec of the source's gradient path.
    proxy: attack through the source's weights without its spikes, ``relu`` or ``clip`` (see :mod:`zoo.conversion.proxy`);
    with the model itself as its source, this is the conversion-based attack.
    """

    source: str = ""
    attack: str = "mifgsm"
    path: str = "training"
    proxy: Literal["none", "relu", "clip"] = "none"


def resolve_transfer(params: Mapping[str, str], spec: str) -> ResolvedAttack:
    """The planned attack of a spec; raises ``BenchError`` for whatever cannot be resolved."""
    from bench.evaluation.request.attack_specs import resolve_attack, resolve_path
    from bench.models.opening import open_subject

    given = bind_params(TransferParameters, params, what="attack transfer")
    if not given.source:
        raise SpecError("The attack transfer needs a source.", "Write transfer:source=NAME; see bench ls models.")
    plain = not any(mark in given.source for mark in (":", ".yaml", ".yml"))
    subject = open_subject(f"zoo:{given.source}" if plain else given.source)
    attack = Transfer(
        model=_without_spikes(subject, given.proxy),
        attack=resolve_attack(given.attack).attack,
        path=resolve_path(given.path)[1],
    )
    passed, defaulted = passed_and_defaulted(given, set(params))
    if given.proxy == "none":  # records from before there were proxies keep their identity
        passed, defaulted = ({k: v for k, v in fields.items() if k != "proxy"} for fields in (passed, defaulted))
    return _planned(attack, spec, passed, defaulted, subject.fingerprint)


def _without_spikes(subject: Subject, kind: Literal["none", "relu", "clip"]) -> nn.Module:
    from zoo.conversion.proxy import proxy

    if kind == "none":
        return subject.module
    try:
        return proxy(subject.module, kind)
    except ValueError as error:
        raise SpecError(f"There is no proxy of {subject.ref}: {error}.", "Leave proxy out.") from error


def describe_transfer(attack: Transfer) -> ResolvedAttack:
    """The planned form of a configured attack, whose source is a module of the user's own."""
    from bench.models.fingerprint import parameters_sha256, structure_sha256

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
) -> ResolvedAttack:
    from bench.evaluation.request.attack_specs import resolve_attack
    from bench.tasks.resolved_attack import ResolvedAttack

    inner = resolve_attack(attack.attack)
    resolved = {
        "source_fingerprint": fingerprint,
        "attack_parameters": {"name": inner.name, **inner.defaulted, **inner.passed},
        "path_parameters": {"type": type(attack.path).__name__, **asdict(attack.path)},
    }
    return ResolvedAttack(spec, "transfer", attack, passed, defaulted | resolved)

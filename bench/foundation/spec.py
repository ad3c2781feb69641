"""The one spec grammar: ``NAME[@VERSION][:key=value,...]``, the same everywhere and safe in a shell.

An attack of another library has that library in its name: ``foolbox:LinfPGD[,key=value,...]``.

Strings are turned into typed values here, once; nothing behind the door parses again.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bench.foundation.errors import SpecError, UnknownNameError
from bench.foundation.threats import threat_registry

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LIBRARIES = ("foolbox", "torchattacks")
"""Prefixes of names that contain a colon."""

_RADII = "Write 8/255, 0.03 or a list: 2/255,8/255."
_SHARES = "Write a number of events, such as 20, a share such as 2%, or a list: 1%,2%."
_GRAMMAR = "Write NAME[@VERSION][:key=value,...], for example pgd:steps=20,restarts=3."


@dataclass(frozen=True)
class Spec:
    """A parsed spec; ``params`` are raw strings in the order given."""

    name: str
    version: str | None = None
    params: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        version = "" if self.version is None else f"@{self.version}"
        params = ",".join(f"{key}={value}" for key, value in self.params.items())
        separator = "," if ":" in self.name else ":"
        return f"{self.name}{version}{separator if params else ''}{params}"


def parse_spec(text: str) -> Spec:
    """Parse ``NAME[@VERSION][:key=value,...]``. Raises ``SpecError`` on anything else."""
    head, colon, tail = text.strip().partition(":")
    name, at, version = head.partition("@")
    if name in LIBRARIES:
        if at:
            raise SpecError(f"{text!r} gives {name} a version.", f"Drop @{version}; the installed version is on record.")
        name, tail = _inside(name, tail)
        return Spec(name, None, params_of(tail, text))
    if not _NAME.fullmatch(name) or (at and not re.fullmatch(r"[A-Za-z0-9_.\-]+", version)):
        raise SpecError(f"{text!r} is not a spec.", _GRAMMAR)
    if colon and not tail:
        raise SpecError(f"{text!r} ends after its colon.", _GRAMMAR)
    return Spec(name, version if at else None, params_of(tail, text))


def _inside(library: str, tail: str) -> tuple[str, str]:
    """``foolbox:LinfPGD`` and what follows its comma."""
    inner, comma, params = tail.partition(",")
    if not _NAME.fullmatch(inner.strip()) or (comma and not params):
        raise SpecError(
            f"{f'{library}:{tail}'!r} does not name an attack of {library}.",
            f"Write {library}:NAME[,key=value,...]; see bench ls attacks.",
        )
    return f"{library}:{inner.strip()}", params


def params_of(tail: str, text: str) -> dict[str, str]:
    """The raw strings of ``key=value,...``, which is part of ``text``. Raises ``SpecError``."""
    params: dict[str, str] = {}
    for part in tail.split(",") if tail else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not _KEY.fullmatch(key) or not value:
            raise SpecError(f"{part!r} in {text!r} is not key=value.", _GRAMMAR)
        if key in params:
            raise SpecError(f"{key!r} is given twice in {text!r}.", "Give it once.")
        params[key] = value
    return params


@dataclass(frozen=True)
class Eps:
    """A radius. value: in [0, 1] pixel units; text: as given, such as ``8/255``."""

    value: float
    text: str


def number(text: str) -> float:
    """A finite float from ``0.5``, ``1e-3`` or ``8/255``. Raises ``ValueError``."""
    top, slash, bottom = text.partition("/")
    value = float(top) / float(bottom) if slash and float(bottom) != 0 else float("nan") if slash else float(top)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _as_text(value: str | float) -> str:
    """A radius as text that is read back exactly: as short as it gets, ``8/255`` for the pixel level ``8 / 255``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SpecError(f"eps {value!r} is not a number.", _RADII)
    if isinstance(value, int):
        return str(value)
    plain = repr(float(value))
    level = f"{round(255 * value)}/255" if abs(value) <= 1 else plain
    return level if len(level) < len(plain) and number(level) == value else plain


def parse_eps(given: str | float | Sequence[str | float], *, norm: str = "linf") -> list[Eps]:
    """Radii from ``8/255``, ``2/255,8/255``, a number, or several of these, in the order given.

    norm: the name of the threat; where it takes shares, ``2%`` is one. Raises ``SpecError`` if a radius is malformed,
    negative, repeated, or above the largest of the threat; ``UnknownNameError`` for an unknown threat.
    """
    kind = threat_registry.get(norm)
    radii: list[Eps] = []
    several = [given] if isinstance(given, str) or not isinstance(given, Sequence) else given
    text = ",".join(map(_as_text, several))
    for part in (piece.strip() for piece in text.split(",")):
        try:
            value = number(part.removesuffix("%")) / 100 if part.endswith("%") and kind.takes_shares else number(part)
        except ValueError as error:
            raise SpecError(f"eps {part!r} is not a number.", _SHARES if kind.takes_shares else _RADII) from error
        if part.endswith("%") and value >= 1:
            raise SpecError(f"eps {part} is no share: from 1 on a budget is a number.", _SHARES)
        if value < 0:
            raise SpecError(f"eps {part} is negative.", "Give a radius of at least 0.")
        if value > kind.largest_eps:
            raise SpecError(
                f"eps {part} exceeds {kind.largest_eps:g}; a ball of that {norm} radius holds every image.",
                f"Did you mean {part}/{kind.display_scale:g}?" if kind.display_scale != 1 else "Give a smaller radius.",
            )
        if any(value == other.value for other in radii):
            raise SpecError(f"eps {part} is given twice.", "Give each radius once.")
        radii.append(Eps(value, part))
    return radii


def bind_params(kind: type[T], params: Mapping[str, str], *, what: str) -> T:
    """An instance of the dataclass ``kind`` from strings.

    Understands int, float (also ``8/255``), bool, str, Literal and ``X | None`` (``none``).
    Raises ``UnknownNameError`` for an unknown key, ``SpecError`` for a bad
    value, and lets the ``ValueError`` of the dataclass itself through.
    """
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind) if f.init]  # type: ignore[arg-type]
    values = {}
    for key, text in params.items():
        if key not in known:
            raise UnknownNameError.of(f"parameter of the {what}:", key, known)
        try:
            values[key] = _converted(text, hints[key])
        except ValueError as error:
            raise SpecError(f"{key}={text} does not fit the {what}.", f"{key} takes {_described(hints[key])}.") from error
    return kind(**values)


def _converted(text: str, hint: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if type(None) in get_args(hint) and text.lower() == "none":
            return None
        for option in (o for o in get_args(hint) if o is not type(None)):
            try:
                return _converted(text, option)
            except ValueError:
                continue
        raise ValueError(text)
    if origin is Literal:
        for option in get_args(hint):
            if str(option) == text:
                return option
        raise ValueError(text)
    if hint is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise ValueError(text)
        return text.lower() in ("true", "yes", "1")
    if hint is int:
        return int(text)
    if hint is float:
        return number(text)
    if hint is str:
        return text
    raise ValueError(f"parameters of type {hint} cannot be given as text")


def _described(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if option is type(None) else _described(option) for option in get_args(hint))
    if origin is Literal:
        return " or ".join(str(option) for option in get_args(hint))
    names = {bool: "true or false", int: "a whole number", float: "a number or a fraction", str: "text"}
    return names.get(hint, str(hint))

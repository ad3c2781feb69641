"""Arguments of the Python interface have the types that they are documented with, or one sentence says which do not.

The command line converts before; Python lets everything through. Numbers of numpy and of torch are numbers.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath
from bench.foundation.errors import ModelError, SpecError
from bench.models.subject import Subject

if TYPE_CHECKING:
    from bench.evaluation.request.settings import Settings

WHOLE = ("n", "eot", "scorings", "micro_batch", "batch")
TRUTHS = ("stochastic", "eight_bit")
TEXTS = ("norm", "split", "device")
_FIX = "Correct it, or leave it out."


def with_types(settings: Settings) -> Settings:
    """The settings, whose whole numbers are ``int`` and whose truth values are ``bool``.

    Raises ``SpecError``, or ``ModelError`` for what is no model.
    """
    numbers: dict[str, Any] = {name: truth(name, getattr(settings, name)) for name in TRUTHS}
    for name in (*WHOLE, "seed"):
        value = getattr(settings, name)
        if value is not None and not isinstance(value, int):
            numbers[name] = whole_number(name, value)
        elif isinstance(value, bool) or (value is None and name == "seed"):
            whole_number(name, value)
    for name in TEXTS:
        value = getattr(settings, name)
        if not isinstance(value, str):
            raise SpecError(f"{name} is text, not {value!r:.60}.", _FIX)
    expect = settings.expect
    if expect is not None and (isinstance(expect, bool) or not isinstance(expect, Real) or not math.isfinite(expect)):
        raise SpecError(f"expect is a percentage, not {expect!r:.60}.", "For example expect=91.")
    _check_attack(settings.attack)
    if not isinstance(settings.path, str | GradientPath):
        raise SpecError(f"path names a gradient path, which {settings.path!r:.60} does not.", "See bench ls paths.")
    _check_model(settings.model)
    return replace(settings, **numbers)


def whole_number(name: str, value: object) -> int:
    """``value`` as ``int``. Raises ``SpecError`` for anything but a whole number; 2.0 and True are none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise SpecError(f"{name} is a whole number, not {value!r:.60}.", _FIX) from error


def truth(name: str, value: object) -> bool:
    """``value`` as ``bool``. Raises ``SpecError`` for anything but a truth value; 1, "no" and None are none."""
    if not isinstance(value, bool | np.bool_):
        raise SpecError(f"{name} is True or False, not {value!r:.60}.", _FIX)
    return bool(value)


def callback(name: str, value: object) -> None:
    """Raise ``SpecError`` for a ``value`` that is neither None nor something that can be called."""
    if value is not None and not callable(value):
        raise SpecError(f"{name} is called while the evaluation runs, and {value!r:.60} cannot be.", "Give a function.")


def folder(name: str, value: Path | str | None) -> Path | None:
    """``value`` as a path. Raises ``SpecError`` for what is none."""
    if value is not None and (not isinstance(value, str | os.PathLike) or "\0" in os.fspath(value)):
        raise SpecError(f"{name} is a path, not {value!r:.60}.", _FIX)
    return None if value is None else Path(value)


def _check_attack(attack: object) -> None:
    if isinstance(attack, str | Attack):
        return
    several = attack if isinstance(attack, Sequence) and not isinstance(attack, bytes) else [attack]
    for each in several:
        if not isinstance(each, str | Attack):
            raise SpecError(f"{each!r:.60} is no attack.", "Give text such as 'pgd:steps=20', an attack, or a list of them.")


def _check_model(model: object) -> None:
    if isinstance(model, str | nn.Module | Subject):
        return
    if inspect.isclass(model) and issubclass(model, nn.Module):
        raise ModelError(f"{model.__name__} is a class, not a model.", f"Give an instance: {model.__name__}(...).")
    fix = "Give an nn.Module, 'zoo:NAME' or 'FILE.py::NAME'; call a function from the forward of a module."
    raise ModelError(f"A {type(model).__name__} is no model.", fix)

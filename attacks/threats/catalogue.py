"""From the name of a threat to the threat."""

from __future__ import annotations

from importlib import import_module

from torch import Tensor

from attacks import THREATS
from attacks.threats.threat import Threat


def threat_kind(name: str) -> type[Threat]:
    """The class of a name in :data:`attacks.THREATS`. Raises ``ValueError`` for an unknown one."""
    if name not in THREATS:
        raise ValueError(f"unknown threat {name!r}; known: {', '.join(THREATS)}")
    module, _, attribute = THREATS[name].partition(":")
    kind: type[Threat] = getattr(import_module(module), attribute)
    return kind


def threat_named(name: str, *, eps: float | Tensor, low: float = 0.0, high: float = 1.0) -> Threat:
    """The threat of a catalogue name. eps: a float, or ``(n,)`` for a radius per row. low, high: its box.

    Raises ``ValueError`` for an unknown name, a radius that is negative or no number, and an empty box.
    """
    return threat_kind(name)(eps=eps, low=low, high=high)

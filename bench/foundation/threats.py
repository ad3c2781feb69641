"""The threats that a request may name: those of the suite and those of plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attacks import THREATS
from bench.foundation.registry import Registry

if TYPE_CHECKING:
    from attacks.threats.threat import Threat

threat_registry: Registry[type[Threat]] = Registry("threat", THREATS, "bench.threats")


def threat_at(name: str, radius: float) -> Threat:
    """The threat ``name`` with a radius, for inputs in [0, 1].

    Raises :class:`~bench.foundation.errors.UnknownNameError` for a name that nothing has.
    """
    return threat_registry.get(name)(eps=radius)


def counts_events(name: str) -> bool:
    """Whether the threat ``name`` counts whole events of a grid. Raises as :func:`threat_at`."""
    from attacks.threats.event_grid import EventGrid

    return issubclass(threat_registry.get(name), EventGrid)

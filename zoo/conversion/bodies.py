"""The bodies that can be converted: the layers between normalisation and read-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from zoo.architectures.compact import compact_body
from zoo.architectures.residual import resnet18_body, resnet20_body
from zoo.architectures.vgg import PLANS, scaled, vgg_body
from zoo.spiking.network import TimeSequential

Activation = Callable[[], nn.Module]


def _compact(
    activation: Activation, *, channels: int, widths: tuple[int, int, int, int] = (32, 64, 96, 160)
) -> tuple[TimeSequential, int]:
    return compact_body(activation, channels=channels, widths=widths), widths[-1] * 16


def _vgg16(
    activation: Activation, *, channels: int, hidden: int = 4096, multiplier: float = 1.0
) -> tuple[TimeSequential, int]:
    return vgg_body(activation, plan=scaled(PLANS["vgg16"], multiplier), channels=channels, hidden=hidden)


BODIES: dict[str, Callable[..., tuple[TimeSequential, int]]] = {
    "compact": _compact,
    "vgg16": _vgg16,
    "resnet18": resnet18_body,
    "resnet20": resnet20_body,
}


def body_of(network: str, activation: Activation, *, channels: int, **shape: Any) -> tuple[TimeSequential, int]:
    """The body of a network and its number of features.

    shape: ``widths`` of ``compact``, ``resnet18`` and ``resnet20``; ``hidden`` and ``multiplier`` of ``vgg16``.
    Raises ``ValueError`` for an unknown network.
    """
    if network not in BODIES:
        raise ValueError(f"unknown network {network!r}; known: {', '.join(BODIES)}")
    return BODIES[network](activation, channels=channels, **shape)

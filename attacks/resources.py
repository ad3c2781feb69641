"""What an attack may ask for when it is made from text: models, images, gradient paths, other attacks.

This floor knows no zoo, no data set and no registry. Whoever turns a spec into an attack hands in :class:`Resources`, and an
attack that needs some of them overrides :meth:`~attacks.base.Attack.from_spec`, whether it belongs to the suite or to a
plug-in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, TypeVar

from torch import Tensor, nn

from attacks.gradients.base import GradientPath

T = TypeVar("T")
A = TypeVar("A")
Proxy = Literal["relu", "clip"]
"""The activation that takes the place of spikes in a proxy of a spiking network."""


@dataclass(frozen=True)
class OpenedModel:
    """A model in eval mode, and what determines its answers, as JSON can hold it."""

    module: nn.Module
    fingerprint: dict[str, Any]


@dataclass(frozen=True)
class Parameters:
    """What goes on record of the configuration of an attack. Together they must determine what it does.

    passed: parameters that were given. defaulted: those left at their defaults, and what was looked up. Values must be such
    as JSON can hold. spec: a text that names the configured attack; None for the spec it was made from, or its ``repr``.
    """

    passed: dict[str, Any]
    defaulted: dict[str, Any]
    spec: str | None = None

    @classmethod
    def of(cls, instance: Any, passed: Collection[str]) -> Parameters:
        """The fields of a dataclass instance: those named in ``passed``, and the others as defaulted."""
        values = {field.name: getattr(instance, field.name) for field in fields(instance)}
        return cls(
            {name: value for name, value in values.items() if name in passed},
            {name: value for name, value in values.items() if name not in passed},
        )


class Resources(Protocol[A]):
    """What is handed in; ``A`` stands for :class:`~attacks.base.Attack`.

    Every method raises an error of the caller's own, in words for the user, if a name or a value is wrong. Such errors are
    not to be caught.
    """

    def bind(self, kind: type[T], params: Mapping[str, str]) -> T:
        """An instance of the dataclass ``kind`` from the parameters of a spec; what is missing keeps its default."""
        ...

    def model(self, ref: str, *, proxy: Proxy | None = None) -> OpenedModel:
        """The model that ``ref`` names as everywhere in the suite; a bare name is one of the zoo.

        proxy: for the network with the same weights and without spikes; the fingerprint is that of the model as named.
        """
        ...

    def fingerprint(self, module: nn.Module) -> dict[str, Any]:
        """What determines the answers of a module of the user's own."""
        ...

    def images(self, dataset: str, split: str, n: int) -> Tensor:
        """``n`` images ``(n, C, H, W)`` in [0, 1], or all if there are fewer, spread evenly over the split."""
        ...

    def attack(self, spec: str) -> A:
        """The attack of a spec."""
        ...

    def name_of(self, attack: A) -> str:
        """The name of an attack in the catalogue, or where its class stands if it has none."""
        ...

    def path(self, spec: str) -> GradientPath:
        """The gradient path of a spec."""
        ...

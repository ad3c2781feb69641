"""The contract of a threat: a ball around each clean input, inside a box.

A threat knows its ball. Attacks, verification, the noise baseline and the lattices ask it, and none of them asks for its
name, so that another threat is one file and one line in :data:`attacks.THREATS`.

Nothing here assumes a norm: a threat may count changed events or shift them in time. What gradient attacks need besides
is in :class:`~attacks.threats.norm_ball.NormBall`.

Units: inputs live in the box ``[low, high]`` (``[0, 1]`` for images). ``eps`` is in the unit of the threat's distance;
for norms it is that of the inputs, so that the customary "8/255" is ``8 / 255``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Threat(ABC):
    """A budget of perturbation. Every method works row by row.

    eps: the radius; a float, or ``(n,)`` for a radius per row. low, high: the box that a perturbed input must stay in.
    Raises ``ValueError`` for a radius that is negative or no number, and for an empty box.
    """

    name: ClassVar[str]
    """Under which it stands in the catalogue, on the command line and in records."""
    text: ClassVar[str]
    """What the attacker may do, as a clause: "every pixel may change by at most the radius"."""
    display_scale: ClassVar[float] = 1.0
    """A radius is displayed times this ..."""
    display_unit: ClassVar[str] = ""
    """... in this unit; empty for the unit of the distance itself."""
    usual_eps: ClassVar[str | None] = None
    """The radius used where none is given, as text; None where a user must choose."""
    takes_shares: ClassVar[bool] = False
    """Whether a radius below 1 is a share of something that the input has, and may be written ``2%``."""
    largest_eps: ClassVar[float] = math.inf
    """From this radius on, the ball around any input holds the whole box [0, 1], so that a larger one is a mistake."""

    eps: float | Tensor
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        # Radii per row on a GPU are not looked at, because a search that changes them would wait for it at each step.
        seen = not isinstance(self.eps, Tensor) or self.eps.device.type == "cpu"
        if seen and not bool((torch.as_tensor(self.eps) >= 0).all()):
            raise ValueError(f"eps must be a number and not negative, got {self.eps}")
        if not self.low < self.high:
            raise ValueError(f"the box [{self.low}, {self.high}] is empty")

    @abstractmethod
    def project(self, adv: Tensor, x: Tensor) -> Tensor:
        """``adv`` ``(n, ...)`` brought into the ball around ``x`` ``(n, ...)`` and into the box; a new tensor.

        Points inside both stay where they are, up to rounding.
        """

    @abstractmethod
    def random(self, x: Tensor, rng: KeyedRng) -> Tensor:
        """A point drawn evenly from the ball around each row of ``x`` ``(n, ...)``, then projected into the box.

        rng: one stream per row.
        """

    @abstractmethod
    def distance(self, adv: Tensor, x: Tensor) -> Tensor:
        """How far ``adv`` is from ``x``, both ``(n, ...)``: ``(n,)``, in the unit of ``eps`` and the dtype of ``x``."""

    def misfit_of_inputs(self, x: Tensor) -> str | None:
        """Why the threat makes no sense for clean inputs ``x`` ``(n, ...)``, without a full stop; None where it does."""
        return None

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Lowest and highest value ``(n, ...)`` that ball and box allow each entry; None unless entries are independent."""
        return None

    def excess(self, adv: Tensor, x: Tensor) -> Tensor:
        """How far ``adv`` ``(n, ...)`` lies outside the ball around ``x``: ``(n,)`` float64, 0 inside.

        NaN where a row of ``adv`` is not a number.
        """
        clean = x.double()
        return (self.distance(adv.double(), clean) - self.radius(clean).flatten()).clamp_min(0)

    def in_box(self, adv: Tensor, *, slack: float = 0.0) -> Tensor:
        """``(n,)`` bool: whether all entries of ``adv`` ``(n, ...)`` lie in the box, up to ``slack``. NaN does not."""
        flat = adv.flatten(1)
        return ((flat >= self.low - slack) & (flat <= self.high + slack)).all(1)

    def radius(self, x: Tensor) -> Tensor:
        """eps for the rows of ``x`` ``(n, ...)``: ``(n, 1, ..., 1)``, in the dtype of ``x``."""
        # A number is filled in, not copied to a GPU, which would wait.
        eps = self.eps.to(x) if isinstance(self.eps, Tensor) else x.new_full((), self.eps)
        return per_row(eps.expand(len(x)), x)

    def with_radius(self, eps: float | Tensor) -> Self:
        """The same threat with another radius: a float, or ``(n,)``."""
        return replace(self, eps=eps)

    def rows(self, index: Tensor) -> Self:
        """The same threat for the rows ``index`` ``(m,)`` of a batch, each as often as it is named there.

        A threat that has further values per row overrides this, so that they follow.
        """
        if isinstance(self.eps, Tensor) and self.eps.dim():
            return replace(self, eps=self.eps[index])
        return self


ThreatKinds = tuple[type[Threat], ...]
"""Classes of threats; a threat is of a kind if it is an instance of it."""


def entry_for(threat: Threat, table: Mapping[type[Threat], T]) -> T:
    """The entry of the first kind in ``table`` that ``threat`` is of. Raises ``ValueError`` if it is of none."""
    for kind, entry in table.items():
        if isinstance(threat, kind):
            return entry
    raise ValueError(f"nothing is known for {threat.name}, only for {' and '.join(kind.name for kind in table)}")

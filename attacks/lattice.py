"""What values an input may take: any real number of the box, or multiples of 1/255.

An attacker who must hand over a picture has no use for a perturbation that rounding undoes: it must be searched for among
pictures. The oracle therefore shows the model every candidate through the lattice's lens, and what comes back is put on the
lattice before it is judged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.rows import per_row
from attacks.threats.threat import Threat

Lens = Callable[[Tensor, Tensor], Tensor]
"""What the model sees of inputs ``(n, ...)`` that stand for rows ``(n,)``; differentiable."""


def clear(x: Tensor, rows: Tensor) -> Tensor:
    """The lens that changes nothing: ``x`` ``(n, ...)`` itself."""
    return x


class Lattice(ABC):
    """The values that the entries of an input may take. Inputs are ``(n, ...)``."""

    name: ClassVar[str]
    text: ClassVar[str]
    """What an input consists of, as it stands in titles: "images of 8 bits"."""

    @abstractmethod
    def nearest(self, adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
        """``adv`` ``(n, ...)`` at the nearest allowed values that the ball around ``x`` and the box leave, in its own dtype.

        An entry for which they leave none takes the clean value. Wherever ``x`` is on the lattice, so is the result.
        """

    @abstractmethod
    def towards_clean(self, adv: Tensor, x: Tensor) -> Tensor:
        """``adv`` ``(n, ...)`` at the next allowed values *towards* ``x``: no perturbation grows, whatever the threat."""

    @abstractmethod
    def holds(self, adv: Tensor) -> Tensor:
        """``(n,)`` bool: whether all entries of ``adv`` are allowed values."""

    def lens(self, x: Tensor, threat: Threat) -> Lens:
        """Shows the model inputs at their :meth:`nearest` allowed values; gradients pass as if nothing had been moved.

        x: the clean inputs ``(N, ...)`` of all rows.
        """

        def rounded(adv: Tensor, rows: Tensor) -> Tensor:
            with torch.no_grad():
                change = self.nearest(adv, x[rows], threat.rows(rows)) - adv
            return adv + change

        return rounded


@dataclass(frozen=True)
class RealNumbers(Lattice):
    """Any real number: nothing is rounded."""

    name: ClassVar[str] = "real"
    text: ClassVar[str] = "images of real numbers"

    def nearest(self, adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
        """``adv`` ``(n, ...)`` itself."""
        return adv

    def towards_clean(self, adv: Tensor, x: Tensor) -> Tensor:
        """``adv`` ``(n, ...)`` itself."""
        return adv

    def holds(self, adv: Tensor) -> Tensor:
        """``(n,)`` bool: whether all entries are numbers."""
        return ~adv.flatten(1).isnan().any(1)

    def lens(self, x: Tensor, threat: Threat) -> Lens:
        """:func:`clear`."""
        return clear


@dataclass(frozen=True)
class EightBit(Lattice):
    """Multiples of 1/255: what can be stored as a picture."""

    name: ClassVar[str] = "eight_bit"
    text: ClassVar[str] = "images of 8 bits"
    levels: ClassVar[int] = 255
    slack: ClassVar[float] = 1e-4
    """In levels. Float32 stores k/255 inexactly and adds with errors: a distance of up to so much (4e-7) counts as none."""

    def nearest(self, adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
        """``adv`` at the nearest multiples of 1/255 that the ball around ``x`` and the box allow, all ``(n, ...)``.

        Where entries depend on each other, as in l2, a row that this takes out of the ball is rounded towards the clean
        values instead.
        """
        levels, clean = (adv.double() * self.levels).round(), x.double()
        bounds = threat.bounds(clean)
        if bounds is not None:
            low = (bounds[0] * self.levels - self.slack).ceil()
            high = (bounds[1] * self.levels + self.slack).floor()
            rounded = (torch.maximum(torch.minimum(levels, high), low) / self.levels).to(adv.dtype)
            return torch.where(low <= high, rounded, x)
        rounded = (levels / self.levels).clamp(threat.low, threat.high).to(adv.dtype)
        inside = threat.distance(rounded.double(), clean) <= threat.radius(clean).flatten()
        return torch.where(per_row(inside, x), rounded, self.towards_clean(adv, x))

    def towards_clean(self, adv: Tensor, x: Tensor) -> Tensor:
        """Each entry of ``adv`` ``(n, ...)`` rounded to a multiple of 1/255 towards ``x``; no norm grows by more than 4e-7.

        Rounding to the nearest could leave a linf ball whose radius is no multiple of 1/255. An entry whose clean value
        lies between it and the next multiple takes the clean value.
        """
        levels = adv.double() * self.levels
        near = levels.round()
        exact = (levels - near).abs() < self.slack
        down = torch.where(exact, near, levels.floor())
        up = torch.where(exact, near, levels.ceil())
        clean = x.double()
        rounded = torch.where(adv >= x, torch.maximum(down / self.levels, clean), torch.minimum(up / self.levels, clean))
        return rounded.to(adv.dtype)

    def holds(self, adv: Tensor) -> Tensor:
        """``(n,)`` bool: whether all entries are multiples of 1/255, to the precision of float32."""
        levels = adv.double() * self.levels
        return ((levels - levels.round()).abs() < self.slack).flatten(1).all(1)

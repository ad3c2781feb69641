"""The mean of the input gradients of HART and of BPTT (the MIX variant of HART, Hao et al., ICLR 2024).

Two forwards and two backwards a query: the average is taken at the input, not layer by layer.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from attacks.gradients.base import Bound, GradientPath, LayerGradient, Session, Training
from attacks.gradients.hart import HART

if TYPE_CHECKING:
    from attacks.gradients.spikes.sites import SpikeSites


@dataclass(frozen=True, kw_only=True)
class HARTMix(GradientPath):
    """HART with a triangle of ``width`` (in units of the threshold), averaged with the model's own gradient."""

    width: float = 1.0

    def __post_init__(self) -> None:
        self.layer_gradient()

    def layer_gradient(self) -> LayerGradient:
        """HART's half of the mean; a run goes through :meth:`session`."""
        return HART(width=self.width).layer_gradient()

    def session(self, samples: int) -> Session:
        """Both paths for a run over ``samples`` rows."""
        return _Mean(
            (HART(width=self.width, coding=self.coding).session(samples), Training(coding=self.coding).session(samples))
        )


@dataclass(frozen=True)
class _Mean(Session):
    parts: tuple[Session, ...]

    def applied(
        self, model: nn.Module, rows: Tensor, *, learn: bool, sites: SpikeSites | None = None
    ) -> AbstractContextManager[Bound]:
        return self.parts[0].applied(model, rows, learn=learn, sites=sites)

    def forget(self, rows: Tensor) -> None:
        for part in self.parts:
            part.forget(rows)

    def views(self) -> tuple[Session, ...]:
        return self.parts

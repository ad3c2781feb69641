"""Gradient attacks of torchattacks, under its own names: ``torchattacks:PGD,steps=20``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from attacks.adapters.base import step_or_default
from attacks.adapters.torchattack import TorchAttack
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class FGSM(TorchAttack):
    """One signed step of size eps."""

    threats: ClassVar[ThreatKinds] = (Linf,)

    def cost(self) -> tuple[int, int]:
        """One gradient."""
        return 1, 1

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        return library.FGSM(model, eps=eps)


@dataclass(frozen=True, kw_only=True)
class Stepping(TorchAttack):
    """Base of those with a number of steps. step_size: in input units; None means ``2.5 * eps / steps``."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    foreign: ClassVar[str]

    steps: int = 10
    step_size: float | None = None

    def cost(self) -> tuple[int, int]:
        """A gradient per step."""
        return self.steps, self.steps

    def options(self) -> dict[str, Any]:
        """Further arguments of the constructor."""
        return {}

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        step = step_or_default(self.step_size, eps, self.steps)
        return getattr(library, self.foreign)(model, eps=eps, alpha=step, steps=self.steps, **self.options())


@dataclass(frozen=True, kw_only=True)
class PGD(Stepping):
    """Projected gradient descent in linf."""

    foreign: ClassVar[str] = "PGD"

    random_start: bool = True

    def options(self) -> dict[str, Any]:
        """See the base."""
        return {"random_start": self.random_start}


@dataclass(frozen=True, kw_only=True)
class PGDL2(PGD):
    """Projected gradient descent in l2."""

    threats: ClassVar[ThreatKinds] = (L2,)
    foreign: ClassVar[str] = "PGDL2"
    images_only: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class EOTPGD(PGD):
    """PGD on gradients averaged over ``draws`` forwards, for stochastic models."""

    foreign: ClassVar[str] = "EOTPGD"

    draws: int = 2

    def cost(self) -> tuple[int, int]:
        """A gradient per step and draw."""
        return self.steps * self.draws, self.steps * self.draws

    def options(self) -> dict[str, Any]:
        """See the base."""
        return {"random_start": self.random_start, "eot_iter": self.draws}


@dataclass(frozen=True, kw_only=True)
class MIFGSM(Stepping):
    """Momentum iterative FGSM. A gradient of zero becomes NaN here."""

    foreign: ClassVar[str] = "MIFGSM"
    images_only: ClassVar[bool] = True

    decay: float = 1.0

    def options(self) -> dict[str, Any]:
        """See the base."""
        return {"decay": self.decay}


@dataclass(frozen=True, kw_only=True)
class NIFGSM(MIFGSM):
    """Nesterov momentum iterative FGSM (Lin et al., ICLR 2020). A gradient of zero becomes NaN here."""

    foreign: ClassVar[str] = "NIFGSM"


@dataclass(frozen=True, kw_only=True)
class VMIFGSM(MIFGSM):
    """Variance-tuned MI-FGSM (Wang and He, CVPR 2021). A gradient of zero becomes NaN here.

    neighbours: random points around the iterate whose gradients are averaged per step.
    """

    foreign: ClassVar[str] = "VMIFGSM"

    neighbours: int = 5

    def cost(self) -> tuple[int, int]:
        """A gradient per step at the iterate and at each neighbour."""
        passes = self.steps * (1 + self.neighbours)
        return passes, passes

    def options(self) -> dict[str, Any]:
        """See the base."""
        return {"decay": self.decay, "N": self.neighbours}

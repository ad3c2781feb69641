"""Attacks of torchattacks (Kim, arXiv 2010.01950), under its own names: ``torchattacks:PGD,steps=20``.

What each is told: eps as it is, the step in input units (its own default is 2/255 whatever eps), images in [0, 1].

Left out, seen in version 3.5.1: CW compares with a logit of 0 that no class has and turns pixels at the edge of the box
into infinities; DeepFool and the attacks with one- or few-pixel budgets run sample by sample; APGD, APGDT and
AutoAttack in l2 step every sample by the first sample's step size.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from attacks.adapters.base import ForeignAttack, step_or_default
from attacks.base import Access
from attacks.fitting import Traits, unless_images
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat, ThreatKinds, entry_for

_NORM: dict[type[Threat], str] = {Linf: "Linf", L2: "L2"}


def _drawn_seed() -> int:
    return int(torch.randint(2**31, ()))


@dataclass(frozen=True, kw_only=True)
class TorchAttack(ForeignAttack):
    """Base of the attacks of torchattacks. images_only: whether the library's code assumes inputs (C, H, W)."""

    library: ClassVar[str] = "torchattacks"
    install: ClassVar[str] = "pip install --no-deps torchattacks==3.5.1"
    images_only: ClassVar[bool] = False

    @abstractmethod
    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """The attack. library: the module ``torchattacks``. classes: number of outputs of the model."""

    def misfit_of_threat(self, threat: Threat) -> str | None:
        """As in the base; besides, any box but [0, 1]."""
        reason = super().misfit_of_threat(threat)
        if reason is None and (threat.low, threat.high) != (0, 1):
            return f"torchattacks knows the box [0, 1] only, not [{threat.low}, {threat.high}]"
        return reason

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """Anything but images (C, H, W), where the library assumes them."""
        return unless_images(f"{type(self).__name__} of torchattacks", shape) if self.images_only else None

    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        attack = self.build(import_module("torchattacks"), model, threat, eps, self.classes(model, x))
        attack.set_device(x.device)
        for part in getattr(getattr(attack, "_autoattack", None), "attacks", []):
            part.set_device(x.device)
        adversarial: Tensor = attack(x, labels)
        return adversarial

    def classes(self, model: nn.Module, x: Tensor) -> int:
        return 0  # number of outputs, for the attacks that must be told; costs no query for the others


class _ToldClasses:
    """For attacks that must know the number of classes: one forward finds out."""

    def classes(self, model: nn.Module, x: Tensor) -> int:
        with torch.no_grad():
            return int(model(x).shape[1])


@dataclass(frozen=True, kw_only=True)
class FGSM(TorchAttack):
    """One signed step of size eps."""

    threats: ClassVar[ThreatKinds] = (Linf,)

    def cost(self) -> tuple[int, int]:
        return 1, 1

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        return library.FGSM(model, eps=eps)


@dataclass(frozen=True, kw_only=True)
class Stepping(TorchAttack):
    """Base of those with a number of steps. step_size: in input units; None means ``2.5 * eps / steps``."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    foreign: ClassVar[str]

    steps: int = 10
    step_size: float | None = None

    def cost(self) -> tuple[int, int]:
        return self.steps, self.steps

    def options(self) -> dict[str, Any]:
        """Further arguments of the constructor."""
        return {}

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        step = step_or_default(self.step_size, eps, self.steps)
        return getattr(library, self.foreign)(model, eps=eps, alpha=step, steps=self.steps, **self.options())


@dataclass(frozen=True, kw_only=True)
class PGD(Stepping):
    """Projected gradient descent in linf."""

    foreign: ClassVar[str] = "PGD"

    random_start: bool = True

    def options(self) -> dict[str, Any]:
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
        return self.steps * self.draws, self.steps * self.draws

    def options(self) -> dict[str, Any]:
        return {"random_start": self.random_start, "eot_iter": self.draws}


@dataclass(frozen=True, kw_only=True)
class MIFGSM(Stepping):
    """Momentum iterative FGSM. A gradient of zero becomes NaN here."""

    foreign: ClassVar[str] = "MIFGSM"
    images_only: ClassVar[bool] = True

    decay: float = 1.0

    def options(self) -> dict[str, Any]:
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
        passes = self.steps * (1 + self.neighbours)
        return passes, passes

    def options(self) -> dict[str, Any]:
        return {"decay": self.decay, "N": self.neighbours}


@dataclass(frozen=True, kw_only=True)
class APGD(TorchAttack):
    """Auto-PGD in linf. Only what fooled the model is returned, else the clean input."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True

    steps: int = 50
    restarts: int = 1
    objective: Literal["ce", "dlr"] = "ce"

    def cost(self) -> tuple[int, int]:
        return 1 + self.restarts * (self.steps + 1), self.restarts * (self.steps + 1)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        seed = int(torch.randint(2**31, ()))
        return library.APGD(model, eps=eps, steps=self.steps, n_restarts=self.restarts, loss=self.objective, seed=seed)


@dataclass(frozen=True, kw_only=True)
class APGDT(_ToldClasses, TorchAttack):
    """Targeted Auto-PGD in linf, aiming at every wrong class in turn. Needs at least 4 classes."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True

    steps: int = 50

    def cost(self) -> tuple[int, int]:
        # Told of ten classes; the number of wrong ones is the factor.
        return 2 + 9 * (self.steps + 2), 9 * (self.steps + 1)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        seed = int(torch.randint(2**31, ()))
        return library.APGDT(model, eps=eps, steps=self.steps, n_restarts=1, n_classes=classes, seed=seed)


@dataclass(frozen=True, kw_only=True)
class FAB(TorchAttack):
    """Fast adaptive boundary (Croce and Hein, ICML 2020), untargeted. Only what fooled the model is returned."""

    threats: ClassVar[ThreatKinds] = (Linf, L2)

    steps: int = 10
    restarts: int = 1

    def cost(self) -> tuple[int, int]:
        # Per step, one forward for the logits, one backward for each of ten classes, one forward for the decision.
        return 1 + self.restarts * (2 + 2 * self.steps), self.restarts * 10 * self.steps

    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        # It mixes its own float32 with whatever it is given.
        return super().attacked(model, x.float(), labels, threat, eps)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        seed = int(torch.randint(2**31, ()))
        return library.FAB(
            model, norm=entry_for(threat, _NORM), eps=eps, steps=self.steps, n_restarts=self.restarts, seed=seed
        )


@dataclass(frozen=True, kw_only=True)
class Square(TorchAttack):
    """Square, one place and one set of colours for the whole shard. Few queries change nothing."""

    threats: ClassVar[ThreatKinds] = (Linf, L2)
    images_only: ClassVar[bool] = True
    access: ClassVar[Access] = "score"

    queries: int = 5000
    share: float = 0.8

    def misfit(self, threat: Threat, shape: Sequence[int], traits: Traits) -> str | None:
        """As in the base; besides, in l2, images that its tiles or its first window would leave."""
        reason = super().misfit(threat, shape, traits)
        if reason is not None or not isinstance(threat, L2):
            return reason
        (_, height, width), tile = shape, shape[1] // 5
        margin = (height - 5 * tile) // 2
        tiled = tile == 1 or (tile > 1 and all(margin + side // tile * tile <= side for side in (height, width)))
        window = max(round(math.sqrt(self.share * height * width)), 3)
        if tiled and window + 1 - window % 2 <= min(height, width):
            return None
        return f"In l2, Square of torchattacks cannot tile images of {height} x {width} pixels"

    def cost(self) -> tuple[int, int]:
        return self.queries + 3, 0

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        given = {"norm": entry_for(threat, _NORM), "n_queries": self.queries, "p_init": self.share}
        return library.Square(model, eps=eps, seed=_drawn_seed(), **given)


@dataclass(frozen=True, kw_only=True)
class AutoAttack(_ToldClasses, TorchAttack):
    """Its AutoAttack in linf, whose APGD, APGD-T and FAB-T take 10 steps (the original's take 100).

    mode: ``standard``, ``plus`` or ``rand``, as there.
    """

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True

    mode: Literal["standard", "plus", "rand"] = "standard"

    def cost(self) -> tuple[int, int]:
        # For ten classes, added up from the parts: APGD, APGD-T, FAB(-T) of 10 steps, Square of 5,000 queries.
        return {"standard": (5400, 200), "plus": (5600, 800), "rand": (450, 440)}[self.mode]

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        return library.AutoAttack(model, norm="Linf", eps=eps, version=self.mode, n_classes=classes, seed=_drawn_seed())

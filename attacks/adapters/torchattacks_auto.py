"""AutoAttack of torchattacks and the attacks it is made of, under its own names: ``torchattacks:APGD,steps=50``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from attacks.adapters.torchattack import TorchAttack
from attacks.base import Access
from attacks.fitting import Traits
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat, ThreatKinds, entry_for

_NORM: dict[type[Threat], str] = {Linf: "Linf", L2: "L2"}


def _drawn_seed() -> int:
    """From torch's global generator, which the adapter seeds per shard."""
    return int(torch.randint(2**31, ()))


@dataclass(frozen=True, kw_only=True)
class APGD(TorchAttack):
    """Auto-PGD in linf. Only what fooled the model is returned, else the clean input."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True

    steps: int = 50
    restarts: int = 1
    objective: Literal["ce", "dlr"] = "ce"

    def cost(self) -> tuple[int, int]:
        """A gradient per step and start, and a first look."""
        return 1 + self.restarts * (self.steps + 1), self.restarts * (self.steps + 1)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        seed = _drawn_seed()
        return library.APGD(model, eps=eps, steps=self.steps, n_restarts=self.restarts, loss=self.objective, seed=seed)


@dataclass(frozen=True, kw_only=True)
class APGDT(TorchAttack):
    """Targeted Auto-PGD in linf, aiming at every wrong class in turn. Needs at least 4 classes."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True
    needs_classes: ClassVar[bool] = True

    steps: int = 50

    def cost(self) -> tuple[int, int]:
        """For each of nine wrong classes the steps and two looks, because the number of classes is not known here."""
        return 2 + 9 * (self.steps + 2), 9 * (self.steps + 1)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        seed = _drawn_seed()
        return library.APGDT(model, eps=eps, steps=self.steps, n_restarts=1, n_classes=classes, seed=seed)


@dataclass(frozen=True, kw_only=True)
class FAB(TorchAttack):
    """Fast adaptive boundary (Croce and Hein, ICML 2020), untargeted. Only what fooled the model is returned."""

    threats: ClassVar[ThreatKinds] = (Linf, L2)

    steps: int = 10
    restarts: int = 1

    def cost(self) -> tuple[int, int]:
        """Per step one forward for the logits, one backward for each of ten classes, one forward for the decision."""
        return 1 + self.restarts * (2 + 2 * self.steps), self.restarts * 10 * self.steps

    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        """As in the base, in float32: the library mixes its own float32 with whatever it is given."""
        return super().attacked(model, x.float(), labels, threat, eps)

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        seed = _drawn_seed()
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
        _, height, width = shape
        tile = height // 5
        margin = (height - 5 * tile) // 2
        tiled = tile == 1 or (tile > 1 and all(margin + side // tile * tile <= side for side in (height, width)))
        window = max(round(math.sqrt(self.share * height * width)), 3)
        if tiled and window + 1 - window % 2 <= min(height, width):
            return None
        return f"In l2, Square of torchattacks cannot tile images of {height} x {width} pixels"

    def cost(self) -> tuple[int, int]:
        """One forward per query, and three looks."""
        return self.queries + 3, 0

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        options = {"norm": entry_for(threat, _NORM), "n_queries": self.queries, "p_init": self.share}
        return library.Square(model, eps=eps, seed=_drawn_seed(), **options)


@dataclass(frozen=True, kw_only=True)
class AutoAttack(TorchAttack):
    """AutoAttack in linf as the library has it, whose APGD, APGD-T and FAB-T take 10 steps (the original's take 100).

    mode: ``standard``, ``plus`` or ``rand``, as there.
    """

    threats: ClassVar[ThreatKinds] = (Linf,)
    images_only: ClassVar[bool] = True
    needs_classes: ClassVar[bool] = True

    mode: Literal["standard", "plus", "rand"] = "standard"

    def cost(self) -> tuple[int, int]:
        """For ten classes, added up from its parts: APGD, APGD-T, FAB(-T) of 10 steps, Square of 5,000 queries."""
        return {"standard": (5400, 200), "plus": (5600, 800), "rand": (450, 440)}[self.mode]

    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """See the base."""
        return library.AutoAttack(model, norm="Linf", eps=eps, version=self.mode, n_classes=classes, seed=_drawn_seed())

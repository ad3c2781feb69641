"""What the attacks of torchattacks (Kim, arXiv 2010.01950) share.

Each gets eps as it is, the step in input units (the library's own default is 2/255 whatever eps) and images in [0, 1].

Left out, seen in version 3.5.1: CW compares with a logit of 0 that no class has and turns pixels at the edge of the box
into infinities; DeepFool and the attacks with one- or few-pixel budgets run sample by sample; APGD, APGDT and
AutoAttack in l2 step every sample by the first sample's step size.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from attacks.adapters.base import ForeignAttack
from attacks.fitting import unless_images
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class TorchAttack(ForeignAttack):
    """Base of the attacks of torchattacks."""

    library: ClassVar[str] = "torchattacks"
    install: ClassVar[str] = "pip install --no-deps torchattacks==3.5.1"
    images_only: ClassVar[bool] = False
    """Whether the library's code assumes inputs (C, H, W)."""
    needs_classes: ClassVar[bool] = False
    """Whether it must be given the number of classes, which one forward finds out."""

    @abstractmethod
    def build(self, library: Any, model: nn.Module, threat: Threat, eps: float, classes: int) -> Any:
        """The attack of the library for the radius ``eps``.

        library: the module ``torchattacks``. classes: number of outputs of the model, 0 unless ``needs_classes``.
        """

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
        """What torchattacks returns for one shard ``x`` ``(n, ...)``. See the base."""
        classes = 0
        if self.needs_classes:
            with torch.no_grad():
                classes = int(model(x).shape[1])
        attack = self.build(import_module("torchattacks"), model, threat, eps, classes)
        attack.set_device(x.device)
        for part in getattr(getattr(attack, "_autoattack", None), "attacks", []):
            part.set_device(x.device)
        adv: Tensor = attack(x, labels)
        return adv

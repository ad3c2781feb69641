"""The contract of a defense."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Defense(ABC):
    """A training loss with its parameters as fields, so that a card can name them."""

    @abstractmethod
    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(scalar loss, outputs for the running training figure: logits ``(n, K)`` or scores ``(n,)``).

        model: in train mode. x: ``(n, C, H, W)`` in [0, 1]. y: ``(n,)`` labels, or target scores.
        generator: the source of any randomness, on the device of ``x``.
        """

    def at(self, share: float) -> Defense:
        """The defense after a share of the training, from 0 to 1: itself, unless a weight of it changes with time."""
        return self

    def before_training(self, model: nn.Module, images: Tensor) -> None:  # noqa: B027  (most defenses need none)
        """Called once, before the first step. images: of the training split, uint8 ``(N, C, H, W)``."""

    def after_step(self, model: nn.Module) -> None:  # noqa: B027  (most defenses need none)
        """Called after each optimiser step."""

    def after_epoch(self, model: nn.Module, images: Tensor) -> None:  # noqa: B027  (most defenses need none)
        """Called after each epoch but the last. images: of the validation split, uint8 ``(N, C, H, W)``."""

"""What an attack on a score maximises: how far the score moves, in a direction or in any.

``outputs`` are scores ``(n,)`` and ``reference`` the clean scores ``(n,)``, both on the model's own scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


def _scores(outputs: Tensor) -> Tensor:
    if outputs.dim() != 1:
        shape = tuple(outputs.shape)
        raise ValueError(f"a score objective needs one score per image, (n,); this model gives {shape}")
    return outputs


class Scoring:
    """Objectives on scores ``(n,)``, with the clean scores ``(n,)`` as reference. A score is moved, never broken."""

    flat_at_clean: ClassVar[bool] = False

    def broken(self, outputs: Tensor, reference: Tensor) -> Tensor:
        """False for every row of ``outputs`` ``(n,)``: ``(n,)`` bool."""
        return torch.zeros(len(outputs), dtype=torch.bool, device=outputs.device)


@dataclass(frozen=True)
class Increase(Scoring):
    """The score itself."""

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from scores ``(n,)`` and clean scores ``(n,)``. Raises ``ValueError`` for logits."""
        return _scores(outputs)


@dataclass(frozen=True)
class Decrease(Scoring):
    """Minus the score."""

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from scores ``(n,)`` and clean scores ``(n,)``. Raises ``ValueError`` for logits."""
        return -_scores(outputs)


@dataclass(frozen=True)
class AwayFromMid(Scoring):
    """Down where the clean score lies above ``mid``, up elsewhere: towards the end of the scale that is farther away.

    As Liu et al. (CVPR 2024) attack: a good image is to look bad, and a bad one good.
    """

    mid: float = 0.5

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from scores ``(n,)`` and clean scores ``(n,)``. Raises ``ValueError`` for logits."""
        return torch.where(reference > self.mid, -_scores(outputs), outputs)


@dataclass(frozen=True)
class Deviation(Scoring):
    """Distance from the clean score, either way (Zhang et al., NeurIPS 2022).

    Its gradient at the clean image is 0, so attacks that follow a gradient start at a random point, whatever their settings.
    """

    flat_at_clean: ClassVar[bool] = True

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from scores ``(n,)`` and clean scores ``(n,)``. Raises ``ValueError`` for logits."""
        return (_scores(outputs) - reference).abs()

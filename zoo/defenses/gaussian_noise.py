"""Training on Gaussian noise, the natural perturbation of Ding et al. (ICML 2024, arXiv 2405.20694).

    L = share * CE(f(x), y) + (1 - share) * CE(f(x + std * n), y),   n standard normal.

Clean and noisy images pass in two forwards, each with its own batch statistics, as in the
released code. The noisy images are not clipped to the box.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.base import Defense


def noisy(x: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """``x + std * n`` for images ``(n, C, H, W)``, std in [0, 1] pixel units; not clipped."""
    return x + std * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Defense):
    """Cross-entropy of clean and of noisy images.

    std: of the noise, in [0, 1] pixel units. share: weight of the clean images, in [0, 1].
    The logits returned are those of the clean images.
    """

    std: float = 8 / 255
    share: float = 0.5

    def __post_init__(self) -> None:
        if not (self.std >= 0 and 0 <= self.share <= 1):
            raise ValueError(f"std must not be negative and share must lie in [0, 1], got {self.std} and {self.share}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Weighted cross-entropy of clean and noisy images, a scalar, and the logits ``(n, K)`` of the clean ones, ``x``."""
        clean: Tensor = model(x)
        perturbed: Tensor = model(noisy(x, self.std, generator))
        return self.share * F.cross_entropy(clean, y) + (1 - self.share) * F.cross_entropy(perturbed, y), clean

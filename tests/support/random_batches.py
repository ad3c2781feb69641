"""Random images with random labels, the same each time."""

from __future__ import annotations

import torch
from torch import Tensor


def batch(*, side: int = 32, classes: int = 10, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Six RGB images ``(6, 3, side, side)`` in [0, 1] and their labels ``(6,)``."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, 3, side, side, generator=generator, dtype=dtype)
    return images, torch.randint(classes, (6,), generator=generator)


def seeded() -> torch.Generator:
    """A generator of a defense's own randomness, at its beginning."""
    return torch.Generator().manual_seed(3)

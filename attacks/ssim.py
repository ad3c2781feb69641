"""Structural similarity (Wang et al., IEEE TIP 2004), per image and differentiable."""

from __future__ import annotations

import torch
from torch import Tensor


def ssim(x: Tensor, y: Tensor, *, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Mean SSIM of images ``(n, C, H, W)`` in [0, 1], over places and channels: ``(n,)``, at most 1.

    A Gaussian window, no padding, ``K1 = 0.01``, ``K2 = 0.03``. Raises ``ValueError`` for images smaller than the window.
    """
    if min(x.shape[2:]) < window:
        raise ValueError(f"SSIM with a window of {window} needs larger images than {tuple(x.shape[2:])}")
    n, _, height, width = x.shape
    rows, columns = (_bell(size, window, sigma).to(x) for size in (height, width))

    def blur(image: Tensor) -> Tensor:
        # Two products with banded matrices: on a CPU much faster than convolutions of single planes.
        return rows @ image @ columns.T

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x.square(), blur(y * y) - mean_y.square()
    cov = blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    brightness = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    structure = (2 * cov + c2) / (var_x + var_y + c2)
    return (brightness * structure).reshape(n, -1).mean(1)


def _bell(size: int, window: int, sigma: float) -> Tensor:
    """``(size - window + 1, size)`` float64: each row the same Gaussian of ``window`` numbers, one place further."""
    place = torch.arange(window, dtype=torch.float64) - window // 2
    bell = torch.exp(-place.square() / (2 * sigma**2))
    banded = torch.zeros(size - window + 1, size, dtype=torch.float64)
    for row in range(len(banded)):
        banded[row, row : row + window] = bell / bell.sum()
    return banded

"""Structural similarity (Wang et al., IEEE TIP 2004), per image and differentiable."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def ssim(x: Tensor, y: Tensor, *, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Mean SSIM of images ``(n, C, H, W)`` in [0, 1], over places and channels: ``(n,)``, at most 1.

    A Gaussian window, no padding, ``K1 = 0.01``, ``K2 = 0.03``. Raises ``ValueError`` for images smaller than the window.
    """
    if min(x.shape[2:]) < window:
        raise ValueError(f"SSIM with a window of {window} needs larger images than {tuple(x.shape[2:])}")
    place = torch.arange(window, dtype=x.dtype, device=x.device) - window // 2
    bell = torch.exp(-place.square() / (2 * sigma**2))
    bell = bell / bell.sum()
    n, channels = x.shape[:2]

    def blur(image: Tensor) -> Tensor:
        planes = image.reshape(n * channels, 1, *image.shape[2:])
        return F.conv2d(F.conv2d(planes, bell.view(1, 1, -1, 1)), bell.view(1, 1, 1, -1))

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x.square(), blur(y * y) - mean_y.square()
    cov = blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    brightness = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    structure = (2 * cov + c2) / (var_x + var_y + c2)
    return (brightness * structure).reshape(n, -1).mean(1)

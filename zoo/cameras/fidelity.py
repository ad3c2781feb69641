"""How near a reconstruction is to what it should show, per picture: PSNR, and SSIM from :mod:`attacks.ssim`."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.ssim import ssim

__all__ = ["psnr", "ssim"]


def psnr(x: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of pictures ``(n, ...)`` in [0, 1], ``(n,)``; infinite where both are the same.

    ``-10 log10`` of the mean squared difference. Raises ``ValueError`` for pictures of different shapes.
    """
    if x.shape != reference.shape:
        raise ValueError(f"pictures {tuple(x.shape)} and {tuple(reference.shape)} cannot be compared")
    return -10 * torch.log10((x - reference).square().flatten(1).mean(1))

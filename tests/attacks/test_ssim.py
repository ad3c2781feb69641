"""SSIM against filters of another library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from attacks.ssim import ssim


def pair(noise: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 2, 24, 20, generator=generator, dtype=torch.float64)
    return x, (x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)


def by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """One plane; a filter cut off at 5 pixels, away from the border."""

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    a, b = blur(x), blur(y)
    va, vb, ab = blur(x**2) - a**2, blur(y**2) - b**2, blur(x * y) - a * b
    return float(((2 * a * b + 1e-4) * (2 * ab + 9e-4) / ((a**2 + b**2 + 1e-4) * (va + vb + 9e-4))).mean())


def test_against_scipy() -> None:
    x, y = pair(0.1)
    expected = [
        np.mean([by_hand(p, q) for p, q in zip(one, other, strict=True)])
        for one, other in zip(x.numpy(), y.numpy(), strict=True)
    ]
    assert ssim(x, y).tolist() == pytest.approx(expected, rel=1e-9)


def test_one_for_equal_images_and_less_with_more_noise() -> None:
    x, little = pair(0.01)
    _, much = pair(0.2)
    torch.testing.assert_close(ssim(x, x), torch.ones(3, dtype=torch.float64))
    assert (ssim(x, much) < ssim(x, little)).all() and (ssim(x, little) < 1).all()
    torch.testing.assert_close(ssim(x, much), ssim(much, x))


def test_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match="needs larger images"):
        ssim(torch.zeros(1, 3, 10, 64), torch.zeros(1, 3, 10, 64))

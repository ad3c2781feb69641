"""The activity map against filters of another library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from attacks.activity import spatial_activity


def by_hand(image: np.ndarray) -> np.ndarray:
    """One image (C, H, W)."""
    weights = np.array([0.299, 0.587, 0.114]) if len(image) == 3 else np.full(len(image), 1 / len(image))
    light = np.tensordot(weights, image, 1)
    busy = (ndimage.sobel(light, 0) / 8) ** 2 + (ndimage.sobel(light, 1) / 8) ** 2
    busy[[0, -1]] = busy[:, [0, -1]] = 0
    footprint = np.ones((5, 5), bool)
    footprint[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    return ndimage.grey_dilation(busy / busy.max(), footprint=footprint, mode="constant")


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_against_scipy(channels: int) -> None:
    x = torch.rand(3, channels, 12, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = spatial_activity(x)
    assert found.shape == (3, 1, 12, 9)
    np.testing.assert_allclose(found[:, 0], np.stack([by_hand(image) for image in x.numpy()]), atol=1e-12)


def test_a_flat_image_is_busy_everywhere_and_other_shapes_are_refused() -> None:
    assert bool((spatial_activity(torch.full((2, 3, 8, 8), 0.3)) == 1).all())
    with pytest.raises(ValueError, match=r"images \(n, C, H, W\)"):
        spatial_activity(torch.zeros(2, 4, 8, 3, 3))

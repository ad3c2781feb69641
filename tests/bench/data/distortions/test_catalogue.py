"""What holds for all 25 distortions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from attacks.randomness import KeyedRng
from bench.data.distortions import KINDS, LEVELS
from bench.data.distortions.catalogue import DISTORTIONS, NAMES, Distortion
from bench.data.distortions.spaces import Image


def photograph(side: int = 48) -> Image:
    """Smooth coloured patches with some texture."""
    rng = np.random.default_rng(7)
    coarse = ndimage.gaussian_filter(rng.random((side, side, 3)), (6, 6, 0))
    fine = ndimage.gaussian_filter(rng.random((side, side, 3)), (1, 1, 0))
    mixed = coarse / np.ptp(coarse) + 0.3 * fine / np.ptp(fine)
    return 0.05 + 0.9 * (mixed - mixed.min()) / np.ptp(mixed)


def keys(sample: int = 3) -> KeyedRng:
    return KeyedRng.of(0, torch.tensor([sample]))


def test_the_list_is_complete() -> None:
    assert len(DISTORTIONS) == KINDS == len(set(NAMES))
    assert all(len(each.amounts) == LEVELS == len(set(each.amounts)) for each in DISTORTIONS)
    families = [each.family for each in DISTORTIONS]
    assert sorted(set(families), key=families.index) == [
        "blur",
        "colour",
        "compression",
        "noise",
        "brightness",
        "spatial",
        "sharpness",
    ]


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=NAMES)
def test_each_changes_the_image_and_stays_in_range(distortion: Distortion) -> None:
    image = photograph()
    kept = image.copy()
    for level in range(1, LEVELS + 1):
        result = distortion(image, level, keys())
        assert result.shape == image.shape
        assert result.min() >= 0 and result.max() <= 1 and np.isfinite(result).all()
        assert np.abs(np.round(result * 255) - np.round(image * 255)).max() >= 1
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=NAMES)
def test_each_is_a_function_of_its_key(distortion: Distortion) -> None:
    image = photograph(32)
    np.testing.assert_array_equal(distortion(image, 4, keys()), distortion(image, 4, keys()))
    draws = not np.array_equal(distortion(image, 4, keys()), distortion(image, 4, keys(4)))
    random = {"motion_blur", "colour_shift", "jitter", "misplaced_patches", "colour_blocks", "denoised"}
    assert draws == (distortion.name in random or distortion.name.endswith("noise") or "noise_" in distortion.name)


WORSE = set(NAMES) - {"mean_shift", "contrast", "saturation_hsv", "misplaced_patches", "colour_quantisation"}


@pytest.mark.parametrize(
    "distortion", [each for each in DISTORTIONS if each.name in WORSE], ids=sorted(WORSE, key=NAMES.index)
)
def test_level_5_is_farther_than_level_1(distortion: Distortion) -> None:
    image = photograph()
    near, far = (np.abs(distortion(image, level, keys()) - image).mean() for level in (1, 5))
    assert far > 1.3 * near


def test_bad_levels_and_images_are_refused() -> None:
    with pytest.raises(ValueError, match="level is from 1 to 5, got 0"):
        DISTORTIONS[0](photograph(), 0, keys())
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        DISTORTIONS[0](np.zeros((48, 48)), 1, keys())

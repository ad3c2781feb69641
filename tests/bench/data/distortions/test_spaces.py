from __future__ import annotations

import numpy as np
import pytest

from bench.data.distortions.spaces import lab_to_rgb, luma, rgb_to_lab, rgb_to_ycbcr, ycbcr_to_rgb

IMAGE = np.random.default_rng(0).random((16, 16, 3))


def test_lab_of_known_colours() -> None:
    colours = np.array([[[0.0, 0, 0], [1, 1, 1], [1, 0, 0]]])
    expected = [[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.20]]
    np.testing.assert_allclose(rgb_to_lab(colours)[0], expected, atol=0.02)


def test_lab_agrees_with_scikit_image() -> None:
    color = pytest.importorskip("skimage.color")
    np.testing.assert_allclose(rgb_to_lab(IMAGE), color.rgb2lab(IMAGE), atol=1e-3)  # its constants are rounded
    np.testing.assert_allclose(rgb_to_ycbcr(IMAGE)[..., 0], luma(IMAGE))


def test_there_and_back() -> None:
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(IMAGE)), IMAGE, atol=1e-9)
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(IMAGE)), IMAGE, atol=1e-9)


def test_grey_has_no_colour() -> None:
    grey = np.full((2, 2, 3), 0.4)
    np.testing.assert_allclose(rgb_to_ycbcr(grey)[..., 1:], 0, atol=1e-12)
    np.testing.assert_allclose(rgb_to_lab(grey)[..., 1:], 0, atol=0.02)

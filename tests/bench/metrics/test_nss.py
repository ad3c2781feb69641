from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.data.base import Samples
from bench.metrics import nss

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "draw"), [(2.0, RNG.standard_normal), (1.0, lambda n: RNG.laplace(size=n))])
def test_the_shape_of_known_distributions(shape: float, draw: object) -> None:
    values = draw(200_000)  # type: ignore[operator]
    found, variance = nss.generalised_gaussian(values)
    assert found == pytest.approx(shape, rel=0.03)
    assert variance == pytest.approx(values.var(), rel=0.01)


def test_the_two_sides_of_a_skewed_distribution() -> None:
    normal = RNG.standard_normal(200_000)
    # Sides of an asymmetric Gaussian are visited in proportion to their widths.
    values = np.where(RNG.random(200_000) < 1 / 4, -np.abs(normal), 3 * np.abs(normal))
    shape, mean, left, right = nss.asymmetric_gaussian(values)
    assert shape == pytest.approx(2, rel=0.03)
    assert (left, right) == (pytest.approx(1, rel=0.03), pytest.approx(9, rel=0.03))
    assert mean == pytest.approx(values.mean(), rel=0.03)


def test_normalised_coefficients_forget_contrast() -> None:
    light = 128 + 40 * RNG.standard_normal((64, 64))
    np.testing.assert_allclose(nss.mscn(light), nss.mscn(128 + 0.5 * (light - 128)), atol=0.1)


def test_features_of_flat_images_are_finite_and_bad_shapes_refused() -> None:
    found = nss.features(np.full((2, 3, 32, 32), 7, np.uint8))
    assert found.shape == (2, 36) and np.isfinite(found).all()
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        nss.features(np.zeros((2, 32, 32), np.uint8))


def test_the_baseline_learns_blur() -> None:
    pytest.importorskip("sklearn")
    sigmas = RNG.uniform(0.3, 3, 120)
    noise = RNG.random((120, 40, 40, 3))
    images = np.stack([ndimage.gaussian_filter(one, (s, s, 0)) for one, s in zip(noise, sigmas, strict=True)])
    images = 128 + 30 * (images - images.mean((1, 2, 3), keepdims=True)) / images.std((1, 2, 3), keepdims=True)
    pixels = torch.tensor(np.clip(images, 0, 255).astype(np.uint8)).permute(0, 3, 1, 2)
    every = Samples(
        pixels, torch.tensor(1 - sigmas / 3).float(), torch.arange(120), "own", "test", groups=torch.arange(120) % 12
    )
    found = nss.fit_baseline(every[:60], every[60:90], every[90:])
    assert found.srcc.value > 0.9
    assert found.srcc.low <= found.srcc.value <= found.srcc.high
    assert found.chosen in nss.GRID

"""Each distortion against values that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.randomness import KeyedRng
from bench.data.distortions import blur, brightness, colour, compression, noise, sharpness, spatial
from bench.data.distortions.spaces import luma

RNG = KeyedRng.of(1, torch.tensor([0]))
NOISE = np.random.default_rng(0).random((64, 64, 3))
GREY = np.full((64, 64, 3), 0.5)


def test_a_disk_of_one_pixel_spreads_a_point_over_its_neighbours() -> None:
    point = np.zeros((33, 33, 3))
    point[16, 16] = 1
    spread = blur.lens_blur(point, 1)[..., 0]
    assert spread.sum() == pytest.approx(1)
    # The centre pixel lies wholly in the circle of area pi.
    assert spread[16, 16] == pytest.approx(1 / np.pi, rel=0.01)
    assert spread[15, 16] == pytest.approx(spread[16, 17]) and spread[15, 15] < spread[15, 16]


def test_motion_is_a_line_of_its_length() -> None:
    point = np.zeros((33, 33, 3))
    point[16, 16] = 1
    np.testing.assert_array_equal(blur.motion_blur(point, 1, RNG), point)
    spread = blur.motion_blur(point, 9, RNG)[..., 0]
    y, x = np.nonzero(spread > 0.01)
    assert 7 <= np.hypot(np.ptp(y), np.ptp(x)) <= 11
    assert spread.sum() == pytest.approx(1)


def test_blurs_keep_flat_images_and_lose_detail() -> None:
    for blurred in (blur.gaussian_blur, blur.lens_blur):
        np.testing.assert_allclose(blurred(GREY, 2), GREY)
        assert blurred(NOISE, 2).std() < 0.5 * NOISE.std()


def test_saturation() -> None:
    np.testing.assert_allclose(colour.saturation_hsv(NOISE, 1), NOISE)
    assert np.ptp(colour.saturation_hsv(NOISE, 0), axis=-1).max() == 0
    np.testing.assert_allclose(colour.saturation_lab(NOISE, 1), NOISE, atol=1e-9)
    pastel = 0.5 + 0.1 * (NOISE - 0.5)
    assert np.ptp(colour.saturation_lab(pastel, 3), axis=-1).mean() > 2 * np.ptp(pastel, axis=-1).mean()


def test_colour_diffusion_of_amount_0_is_grey_of_the_same_lightness() -> None:
    result = colour.colour_diffusion(NOISE, 0)
    assert np.ptp(result, axis=-1).max() < 1e-3


def test_colour_shift_moves_green_only() -> None:
    result = colour.colour_shift(NOISE, 6, RNG)
    np.testing.assert_array_equal(result[..., [0, 2]], NOISE[..., [0, 2]])
    assert np.abs(result[..., 1] - NOISE[..., 1]).mean() > 0.01
    np.testing.assert_array_equal(colour.colour_shift(GREY, 6, RNG), GREY)


def test_colour_quantisation_leaves_so_many_colours() -> None:
    result = np.round(colour.colour_quantisation(NOISE, 16) * 255).astype(int).reshape(-1, 3)
    assert 8 < len(np.unique(result, axis=0)) <= 16


def test_codecs_lose_more_at_stronger_settings() -> None:
    smooth = blur.gaussian_blur(NOISE, 1.5)
    for coded, settings in ((compression.jpeg, (90, 30, 5)), (compression.jpeg2000, (4, 32, 400))):
        errors = [np.abs(coded(smooth, setting) - smooth).mean() for setting in settings]
        assert errors == sorted(errors) and errors[0] < 0.02 < errors[-1]


def test_noise_has_its_variance() -> None:
    assert (noise.white_noise(GREY, 0.004, RNG) - GREY).var() == pytest.approx(0.004, rel=0.05)
    half = noise.multiplicative_noise(GREY, 0.01, RNG)
    assert (half - GREY).var() == pytest.approx(0.25 * 0.01, rel=0.05)
    light = luma(noise.white_noise_ycbcr(GREY, 0.002, RNG))
    assert light.var() == pytest.approx(0.002, rel=0.07)


def test_impulses_have_their_density() -> None:
    result = noise.impulse_noise(GREY, 0.2, RNG)
    assert (result == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (result == 1).mean() == pytest.approx(0.1, abs=0.01)
    assert (result == 0.5).mean() == pytest.approx(0.8, abs=0.02)


def test_denoising_removes_most_of_the_noise() -> None:
    left = noise.denoised(GREY, 0.01, RNG) - GREY
    assert 0 < left.var() < 0.1 * 0.01


def test_curves_go_through_their_points() -> None:
    half, ends = GREY[:1, :1], np.array([[[0.0, 0, 0], [1, 1, 1]]])
    np.testing.assert_allclose(brightness.darken(half, 0.4), 0.3)
    np.testing.assert_allclose(brightness.darken(ends, 0.4), ends)
    assert brightness.brighten(half, 0.4)[0, 0, 0] > 0.65
    np.testing.assert_allclose(brightness.brighten(ends, 0.4), ends, atol=1e-3)
    np.testing.assert_allclose(brightness.mean_shift(half, -0.15), 0.35)
    points = np.array([[[0.3, 0.5, 0.7]]])
    np.testing.assert_allclose(sharpness.contrast(points, 0.2)[0, 0], [0.2, 0.5, 0.8])


def test_sharpening_widens_an_edge_and_keeps_flat_images() -> None:
    edge = np.where(np.arange(64)[None, :, None] < 32, 0.4, 0.6) * np.ones((64, 1, 3))
    sharp = sharpness.sharpen(edge, 2)
    assert sharp[32, 31, 0] < 0.35 and sharp[32, 32, 0] > 0.65
    np.testing.assert_allclose(sharpness.sharpen(GREY, 12), GREY, atol=1e-9)


def test_jitter_moves_pixels_but_keeps_flat_images() -> None:
    np.testing.assert_allclose(spatial.jitter(GREY, 1, RNG), GREY)
    np.testing.assert_allclose(spatial.jitter(NOISE, 0, RNG), NOISE)
    assert np.abs(spatial.jitter(NOISE, 1, RNG) - NOISE).mean() > 0.05


def test_patches_are_copied_from_nearby() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 96)[None, :, None], (96, 96, 3)).copy()
    result = spatial.misplaced_patches(ramp, 20, RNG)
    changed = np.argwhere(result[..., 0] != ramp[..., 0])
    assert len(changed) and (np.ptp(changed, axis=0) < 16).all()
    assert np.abs(result - ramp).max() <= 8 / 95 + 1e-9


@pytest.mark.parametrize("side", [64, 96])
def test_pixelation_repeats_pixels(side: int) -> None:
    image = np.random.default_rng(1).random((side, side, 3))
    result = spatial.pixelate(image, 0.5)
    kept = int(side * (0.95 - 0.5**0.6))
    assert len(np.unique(result[..., 0])) == kept * kept
    assert np.isin(result, image).all()


def test_quantisation_leaves_so_many_values() -> None:
    assert len(np.unique(spatial.quantisation(NOISE, 7))) == 7
    np.testing.assert_allclose(np.unique(spatial.quantisation(NOISE, 3)), [0, 0.5, 1])


def test_blocks_scale_with_the_image() -> None:
    for side, block in ((96, 8), (384, 32)):
        changed = (spatial.colour_blocks(np.full((side, side, 3), 0.5), 1, RNG) != 0.5).any(-1)
        assert changed.sum() == block * block

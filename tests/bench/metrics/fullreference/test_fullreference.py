from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from bench.metrics.fullreference import gmsd, haarpsi, mdsi

Array = NDArray[np.float64]
Measure = Callable[[Array, Array], float]

RNG = np.random.default_rng(0)
IMAGE = ndimage.gaussian_filter(RNG.random((64, 80, 3)), (1, 1, 0))
IMAGE = (IMAGE - IMAGE.min()) / np.ptp(IMAGE)
OTHER = np.clip(IMAGE + 0.1 * RNG.standard_normal(IMAGE.shape), 0, 1)


@pytest.mark.parametrize(("measure", "perfect"), [(mdsi, 0.0), (gmsd, 0.0), (haarpsi, 1.0)])
def test_equal_images_and_growing_noise(measure: Measure, perfect: float) -> None:
    assert measure(IMAGE, IMAGE) == pytest.approx(perfect, abs=1e-9)
    drawn = RNG.standard_normal(IMAGE.shape)
    worse = [abs(measure(IMAGE, np.clip(IMAGE + sigma * drawn, 0, 1)) - perfect) for sigma in (0.01, 0.05, 0.2)]
    assert 0 < worse[0] < worse[1] < worse[2]


def test_gmsd_is_blind_to_colour_and_the_others_are_not() -> None:
    tinted = IMAGE.copy()
    # Moves red against blue without moving the luma of equation 0.299 R + 0.587 G + 0.114 B.
    tinted[..., 0] += 0.114 * 0.3
    tinted[..., 2] -= 0.299 * 0.3
    inside = 0.2 + 0.6 * IMAGE, 0.2 + 0.6 * tinted
    assert gmsd(*inside) == pytest.approx(0, abs=1e-9)
    assert haarpsi(*inside) < 0.999 and mdsi(*inside) > 0.01


def test_gmsd_of_a_lost_edge() -> None:
    """A step in a flat image against the flat image: similarity is c / (g^2 + c) at the step, 1 elsewhere inside."""
    flat, step = np.full((32, 32, 3), 0.5), np.full((32, 32, 3), 0.5)
    step[:, 16:] = 0.6
    side, jump = 16, 0.1 * 255

    def magnitude(light: Array) -> Array:
        padded = np.pad(light, 1)
        across = sum(padded[1 + d : 1 + d + side, 2:] - padded[1 + d : 1 + d + side, :-2] for d in (-1, 0, 1)) / 3
        down = sum(padded[2:, 1 + d : 1 + d + side] - padded[:-2, 1 + d : 1 + d + side] for d in (-1, 0, 1)) / 3
        return np.hypot(across, down)

    halved = np.full((side, side), 127.5)
    stepped = halved + jump * (np.arange(side) >= side // 2)
    a, b = magnitude(halved), magnitude(stepped)
    expected = ((2 * a * b + 170) / (a**2 + b**2 + 170)).std()
    assert gmsd(flat, step) == pytest.approx(expected, rel=1e-9)


def _channels(image: Array, rows: list[list[float]]) -> torch.Tensor:
    return torch.einsum("kc,hwc->khw", torch.tensor(rows, dtype=torch.float64), torch.tensor(255 * image))


def test_haarpsi_written_with_explicit_kernels() -> None:
    """The definition once more, with whole 2-D kernels and torch's convolution."""
    rows = [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
    x, y = (F.avg_pool2d(_channels(image, rows)[None], 2) for image in (IMAGE, OTHER))

    def haar(light: torch.Tensor, scale: int) -> torch.Tensor:
        side = 2**scale
        kernel = torch.ones(side, side, dtype=torch.float64) / side
        kernel[side // 2 :] *= -1
        padded = F.pad(light, (side // 2 - 1, side // 2) * 2)
        return F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None]).abs()

    def alike(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (2 * a * b + 30) / (a * a + b * b + 30)

    fine = sum(alike(haar(x[:, :1], scale), haar(y[:, :1], scale)) for scale in (1, 2)) / 2
    weight = torch.maximum(haar(x[:, :1], 3), haar(y[:, :1], 3))
    box_x, box_y = (F.avg_pool2d(F.pad(each[:, 1:], (0, 1, 0, 1)), 2, stride=1).abs() for each in (x, y))
    similarity = torch.cat([fine, alike(box_x, box_y).mean(1, keepdim=True)], 1)
    weights = torch.cat([weight, weight.mean(1, keepdim=True)], 1)
    mean = ((4.2 * similarity).sigmoid() * weights).sum() / weights.sum()
    assert haarpsi(IMAGE, OTHER) == pytest.approx(float((torch.logit(mean) / 4.2) ** 2), rel=1e-9)


def test_mdsi_written_with_torch() -> None:
    """The definition once more; both images are non-negative in similarity, so no complex numbers are needed."""
    rows = [[0.2989, 0.5870, 0.1140], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]]
    r, d = (_channels(image, rows) for image in (IMAGE, OTHER))

    def magnitude(light: torch.Tensor) -> torch.Tensor:
        kernel = torch.tensor([[1.0, 0, -1]] * 3, dtype=torch.float64) / 3
        found = F.conv2d(light[None, None], torch.stack([kernel, kernel.T])[:, None], padding=1)
        return found.square().sum(1)[0].sqrt()

    def alike(a: torch.Tensor, b: torch.Tensor, c: float) -> torch.Tensor:
        return (2 * a * b + c) / (a * a + b * b + c)

    g_r, g_d, g_f = magnitude(r[0]), magnitude(d[0]), magnitude((r[0] + d[0]) / 2)
    gradients = alike(g_r, g_d, 140) + alike(g_d, g_f, 55) - alike(g_r, g_f, 55)
    colours = (2 * (r[1] * d[1] + r[2] * d[2]) + 550) / ((r[1:] ** 2 + d[1:] ** 2).sum(0) + 550)
    combined = 0.6 * gradients + 0.4 * colours
    rooted = combined.to(torch.complex128) ** 0.25
    expected = (rooted - rooted.mean()).abs().mean() ** 0.25
    assert mdsi(IMAGE, OTHER) == pytest.approx(float(expected), rel=1e-9)


def test_flat_images_give_numbers() -> None:
    dark, bright = np.zeros((32, 32, 3)), np.ones((32, 32, 3))
    for measure in (mdsi, gmsd, haarpsi):
        assert np.isfinite(measure(dark, dark)) and np.isfinite(measure(dark, bright))


@pytest.mark.parametrize("measure", [mdsi, gmsd, haarpsi])
def test_what_does_not_fit_is_refused(measure: Measure) -> None:
    with pytest.raises(ValueError, match="one shape"):
        measure(IMAGE, IMAGE[:32])
    with pytest.raises(ValueError, match=r"\[0,1\]"):
        measure(IMAGE, IMAGE * 255)

"""TFP, TFI and TFSTP against plain loops over pixels and ticks, written from their definitions, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from zoo.cameras.reconstruction import SPIKECV, TFI, TFP, TFSTP, stretched, tfi, tfp, tfstp
from zoo.cameras.spike_camera import SpikeCamera

Spikes = NDArray[np.int64]


def stream(ticks: int = 40, pixels: int = 300, seed: int = 0) -> Spikes:
    """Spikes (T, n) of pixels with every share from 0 to 1; the first never fires, the last always does."""
    rng = np.random.default_rng(seed)
    return (rng.random((ticks, pixels)) < np.linspace(0, 1, pixels)).astype(np.int64)


def as_batch(spikes: Spikes) -> Tensor:
    """(T, n) as ``(T, 2, 1, 3, n / 6)`` float64."""
    return torch.from_numpy(spikes).double().view(len(spikes), 2, 1, 3, -1)


@pytest.mark.parametrize(("half", "at"), [(0, 0), (3, 3), (5, 20), (19, 20), (4, 35)])
def test_tfp_is_a_mean(half: int, at: int) -> None:
    spikes = stream()
    expected = [sum(column[at - half : at + half + 1]) / (2 * half + 1) for column in spikes.T.tolist()]
    picture = tfp(as_batch(spikes), half=half, at=at)
    assert picture.shape == (2, 1, 3, 50)
    np.testing.assert_allclose(picture.flatten().numpy(), expected, rtol=0, atol=1e-15)


def interval_by_hand(column: list[int], at: int, window: int) -> int:
    before = [tick for tick in range(max(0, at - window + 1), at + 1) if column[tick]]
    after = [tick for tick in range(at + 1, min(at + window, len(column) - 1) + 1) if column[tick]]
    return min(after) - max(before) if before and after else 2 * window


@pytest.mark.parametrize(("window", "at"), [(1, 0), (1, 20), (5, 20), (20, 20), (20, 3), (20, 38), (40, 25)])
def test_tfi_is_an_inverse_interval(window: int, at: int) -> None:
    spikes = stream()
    expected = [1 / interval_by_hand(column, at, window) for column in spikes.T.tolist()]
    picture = tfi(as_batch(spikes), window=window, at=at)
    np.testing.assert_array_equal(picture.flatten().numpy(), expected)
    assert len(set(expected)) > 1


def synapse_by_hand(column: list[int]) -> float:
    """The published recursion with R and u as state."""
    u0, recovery, memory, f = 0.15, 1.0, 10.0, 0.15
    resources, u, last = 1.0, u0, 0
    for tick, spike in enumerate(column):
        if spike:
            gap = tick + 1 - last
            resources, u = (
                1 - (1 - resources * (1 - u)) * math.exp(-gap / recovery),
                u0 + (u + f * (1 - u) - u0) * math.exp(-gap / memory),
            )
            last = tick + 1
    if not any(column):
        return 0.0
    by_facilitation = -1 / (memory * math.log((u - u0) / (memory - u0 + u * (1 - f))))
    by_recovery = -1 / (recovery * math.log((1 - resources) / (1 - resources * (1 - u))))
    return by_facilitation + by_recovery


def test_tfstp_is_the_published_recursion() -> None:
    """R near 1 has few digits left after a gap of 16 ticks, which is the difference that is allowed."""
    spikes = stream()
    spikes[::16, 1:] = 1
    expected = [synapse_by_hand(column) for column in spikes.T.tolist()]
    picture = tfstp(as_batch(spikes)).flatten().numpy()
    np.testing.assert_allclose(picture, expected, rtol=1e-8)
    assert picture[0] == 0 and np.isfinite(picture).all() and len(set(expected)) > 20


def test_tfstp_after_long_gaps() -> None:
    """At regular spikes d apart, ln((1 - R') / (1 - R (1 - u))) is about -d / D, so that the estimate goes like 1 / d."""
    gaps = (5, 20, 50, 100)
    spikes = torch.zeros(400, len(gaps), dtype=torch.float64)
    for column, gap in enumerate(gaps):
        spikes[gap - 1 :: gap, column] = 1
    estimate = tfstp(spikes)
    assert torch.isfinite(estimate).all() and (estimate.diff() < 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reconstructions_keep_the_type_of_their_input(dtype: torch.dtype) -> None:
    spikes = as_batch(stream()).to(dtype)
    assert all(module(spikes).dtype == dtype for module in (TFP(), TFI(), TFSTP()))


def gradient_of(picture: Tensor, spikes: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(picture.sum(), spikes)
    return gradient.flatten(1)


def test_gradients_are_those_of_rates() -> None:
    spikes = as_batch(stream()).requires_grad_()
    of_tfp = gradient_of(tfp(spikes, half=3, at=10), spikes)
    assert torch.equal(of_tfp[7:14], torch.full_like(of_tfp[7:14], 1 / 7)) and of_tfp.sum() == of_tfp[7:14].sum()
    of_tfi = gradient_of(tfi(spikes, window=5, at=10), spikes)
    torch.testing.assert_close(of_tfi[6:16], torch.full_like(of_tfi[6:16], 0.1))
    assert of_tfi.count_nonzero() == of_tfi[6:16].numel()
    of_tfstp = gradient_of(tfstp(spikes), spikes)
    torch.testing.assert_close(of_tfstp.sum(0), torch.ones(300, dtype=torch.float64))
    ratio = torch.full_like(of_tfstp[1:], math.exp(1 / SPIKECV.facilitation))
    torch.testing.assert_close(of_tfstp[1:] / of_tfstp[:-1], ratio)


@pytest.mark.parametrize("make", [TFP, lambda: TFI(window=8), TFSTP], ids=["tfp", "tfi", "tfstp"])
def test_brighter_scenes_make_brighter_pictures(make: Callable[[], nn.Module]) -> None:
    """The gradient points to where the expected picture goes: a step along it raises the mean over 500 draws."""
    camera, reconstruction = SpikeCamera(ticks=33, gain=0.9), make()
    scene = torch.linspace(0.15, 0.75, 6).view(1, 1, 2, 3)

    def mean(at: Tensor) -> Tensor:
        with drawing(KeyedRng.of(0, torch.arange(500))):
            return (reconstruction(camera(at.expand(500, 1, 2, 3))) * weights).sum() / 500

    weights = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, 1.0]).view(1, 2, 3)
    leaf = scene.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mean(leaf), leaf)
    assert gradient.count_nonzero() == 6
    step = 0.1 * gradient.sign()
    assert mean(scene + step) > mean(scene) > mean(scene - step)


def test_the_picture_of_a_still_scene_is_the_scene() -> None:
    """Within half a spike over all ticks, for a camera whose gain is undone."""
    camera = SpikeCamera(ticks=63, gain=0.8, initial=0.5)
    scene = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    picture = TFP(scale=camera.intensity_of_rate)(camera(scene))
    assert (picture - scene).abs().max() <= 0.5001 / 63 / 0.8
    by_interval = TFI(window=31, scale=camera.intensity_of_rate)(camera(scene.clamp_min(0.1)))
    assert (by_interval - scene.clamp_min(0.1)).abs().mean() < 0.15


def test_stretched_pictures() -> None:
    pictures = torch.tensor([[[1.0, 3.0], [2.0, 1.0]], [[5.0, 5.0], [5.0, 5.0]]])
    assert stretched(pictures).tolist() == [[[0, 1], [0.5, 0]], [[0, 0], [0, 0]]]


@pytest.mark.parametrize(("half", "at"), [(-1, 3), (4, 3), (4, 37), (0, 40), (0, -1)])
def test_windows_outside_of_the_stream(half: int, at: int) -> None:
    with pytest.raises(ValueError, match="not inside of 40 ticks"):
        tfp(as_batch(stream()), half=half, at=at)


@pytest.mark.parametrize(("window", "at"), [(0, 3), (4, 39), (4, -1)])
def test_intervals_outside_of_the_stream(window: int, at: int) -> None:
    with pytest.raises(ValueError, match="no interval"):
        tfi(as_batch(stream()), window=window, at=at)


def test_reconstructions_are_modules_like_any_other() -> None:
    """No parameter hides a method of ``nn.Module``, such as ``half()``."""
    for module in (TFP(half=2), TFI(), TFSTP()):
        assert not set(vars(module)) & set(dir(nn.Module)) - set(vars(nn.Module()))
        assert module.half() is module

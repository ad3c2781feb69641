"""Compiled loops of the spike camera against torch operations on the same draws, and their normal numbers."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import pytest
import torch
from torch import Tensor

from attacks.randomness import KeyedRng, drawing
from zoo.cameras import kernels
from zoo.cameras.spike_camera import SpikeCamera

pytest.importorskip("numba")

TICKS, SHAPE = 12, (3, 29, 31)
"""2,697 pixels: a whole chunk of the loops and a part of one."""
CAMERAS: dict[str, dict[str, Any]] = {
    "no noise": {"initial": 0.25},
    "shot noise": {"initial": 0.0, "photons": 30.0},
    "spurious spikes": {"initial": 0.0, "spurious": 0.1},
    "thresholds": {"initial": 0.0, "jitter": 0.1, "seed": 3},
    "all": {"photons": 30.0, "spurious": 0.05, "dark": 0.02, "jitter": 0.05, "threshold": 1.25},
}


@pytest.fixture
def in_torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``in_torch()``: from then on the loops are not used."""
    return lambda: monkeypatch.setattr(kernels, "usable", lambda x: False)


def scenes(changing: bool) -> Tensor:
    shape = (3, TICKS, *SHAPE) if changing else (3, *SHAPE)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def seen(camera: SpikeCamera, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Charge, spikes, and the gradient of a weighted sum of spikes."""
    x = x.clone().requires_grad_()
    with drawing(KeyedRng.of(5, torch.arange(len(x)))):
        charge, spikes = camera.charge(x).detach(), camera(x)
    weights = torch.randint(1, 8, spikes.shape, generator=torch.Generator().manual_seed(1)).float()
    (gradient,) = torch.autograd.grad((spikes * weights).sum(), x)
    return charge, spikes.detach(), gradient


@pytest.mark.parametrize("changing", [False, True], ids=["still", "changing"])
@pytest.mark.parametrize("noise", CAMERAS.values(), ids=CAMERAS)
def test_loops_give_what_torch_gives(noise: dict[str, Any], changing: bool, in_torch: Any) -> None:
    """Charges within 1e-5. Where one lies that near to the threshold, spike or saturation may differ: one in 2,000."""
    camera, x = SpikeCamera(ticks=TICKS, gain=1.1, **noise), scenes(changing)
    charge, spikes, gradient = seen(camera, x)
    in_torch()
    expected_charge, expected_spikes, expected_gradient = seen(camera, x)
    torch.testing.assert_close(charge, expected_charge, rtol=0, atol=1e-5)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert float((spikes != expected_spikes).double().mean()) < 5e-4
    assert gradient.shape == x.shape and float(gradient.abs().max()) > 0
    differs = (gradient - expected_gradient).abs() > 1e-4 * expected_gradient.abs().max()
    assert float(differs.double().mean()) < 5e-4


def test_normal_numbers_are_quantiles() -> None:
    """Within 5e-6 of the exact quantile of the uniform number that the stream has at the same place."""
    rng = KeyedRng.of(1, torch.arange(4))
    uniform, normal = rng.uniform(2000).double(), kernels.normal_numbers(rng.keys, 2000).double()
    exact = uniform.clone().apply_(NormalDist().inv_cdf)
    assert float((normal - exact).abs().max()) < 5e-6
    assert float(exact.abs().max()) > 3


@pytest.mark.parametrize("probability", [1e-9, 1 - 1e-9])
def test_probabilities_at_the_ends(probability: float) -> None:
    scene = torch.zeros(1, 1, 8, 8)
    with drawing(KeyedRng.of(0, torch.arange(1))):
        spikes = SpikeCamera(ticks=4, initial=0.0, spurious=probability)(scene)
    assert bool((spikes == round(probability)).all())


def test_threads_do_not_change_a_bit() -> None:
    camera, x, before = SpikeCamera(ticks=TICKS, **CAMERAS["all"]), scenes(False), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = seen(camera, x)
        torch.set_num_threads(2)
        for serial, parallel in zip(alone, seen(camera, x), strict=True):
            assert torch.equal(serial, parallel)
    finally:
        torch.set_num_threads(before)


def test_any_layout_of_the_scene() -> None:
    camera, x = SpikeCamera(ticks=TICKS, **CAMERAS["all"]), scenes(False)
    for expected, charge in zip(seen(camera, x), seen(camera, x.contiguous(memory_format=torch.channels_last)), strict=True):
        assert torch.equal(expected, charge)

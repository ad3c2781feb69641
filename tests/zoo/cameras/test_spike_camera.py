"""The pixels of a spike camera against a step loop and a closed form, its noise, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import TakesGradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.rate import BPTR
from attacks.randomness import KeyedRng, drawing
from zoo.cameras.pixels import Pixels, spike_count
from zoo.cameras.spike_camera import SpikeCamera

TICKS = 24


def levels(*shape: int, seed: int = 0, most: int = 64) -> Tensor:
    """Multiples of 1/64 from 0 to 1, whose sums are exact."""
    return torch.randint(0, most + 1, shape, generator=torch.Generator().manual_seed(seed)).float() / 64


def by_hand(charge: Tensor, start: Tensor, threshold: float, reset: str) -> Tensor:
    """Tick by tick; charge ``(T, n)``."""
    held, planes = start.clone(), []
    for gathered in charge:
        held = held + gathered
        fired = held >= threshold
        emptied = held - threshold if reset == "soft" else torch.zeros_like(held)
        held = torch.where(fired, emptied, held)
        planes.append(fired.float())
    return torch.stack(planes)


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("threshold", [1.0, 0.5, 2.5])
def test_pixels_are_a_loop_over_ticks(reset: Any, threshold: float) -> None:
    charge = levels(TICKS, 50)
    expected = by_hand(charge, torch.full((50,), 0.25), threshold, reset)
    pixels = Pixels(threshold=threshold, reset=reset, start=0.25)
    assert torch.equal(pixels(charge), expected)
    assert 0 < expected.mean() < 1


@pytest.mark.parametrize("threshold", [1.0, 0.5])
@pytest.mark.parametrize("ticks", [1, 7, 64])
def test_the_number_of_spikes_has_a_closed_form(threshold: float, ticks: int) -> None:
    light, start = levels(65, 3), levels(65, 3, seed=1, most=31) * threshold
    charge = (light[None].expand(ticks, 65, 3)).clamp(max=threshold).clone()
    charge[0] += start
    counts = Pixels(threshold=threshold)(charge).sum(0)
    assert torch.equal(counts, spike_count(light, ticks=ticks, start=start, threshold=threshold))
    assert counts.max() == ticks and counts.min() == 0


def test_a_camera_without_noise_counts_light() -> None:
    scene = levels(2, 3, 4, 5)
    camera = SpikeCamera(ticks=TICKS, gain=0.75, dark=1 / 64, initial=0.5)
    assert not camera.stochastic
    spikes = camera(scene)
    assert spikes.shape == (TICKS, 2, 3, 4, 5) and set(spikes.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(spikes.sum(0), spike_count(0.75 * scene + 1 / 64, ticks=TICKS, start=0.5))
    assert torch.equal(spikes, camera(scene[:, None].expand(2, TICKS, 3, 4, 5)))


def test_a_scene_may_change_over_time() -> None:
    scene = levels(2, TICKS, 1, 4, 5)
    expected = by_hand(scene.transpose(0, 1).clone(), torch.zeros(2, 1, 4, 5), 1.0, "soft")
    assert torch.equal(SpikeCamera(ticks=TICKS, initial=0.0)(scene), expected)
    with pytest.raises(ValueError, match="the camera has 24 ticks, the scene has 23"):
        SpikeCamera(ticks=TICKS)(scene[:, 1:])


def test_light_beyond_one_spike_a_tick_is_lost() -> None:
    camera = SpikeCamera(ticks=8, gain=4.0, initial=0.0)
    flash = torch.zeros(1, 8, 1, 1, 1)
    flash[:, 0] = 1.0
    assert camera(flash).flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def drawn(camera: nn.Module, scene: Tensor, draws: int, seed: int = 0) -> Tensor:
    """Spikes ``(draws, T, C, H, W)`` of one scene ``(C, H, W)``."""
    with drawing(KeyedRng.of(seed, torch.arange(draws))):
        return camera(scene.expand(draws, *scene.shape)).transpose(0, 1)


NOISE: dict[str, dict[str, Any]] = {
    "initial charge": {},
    "shot noise": {"initial": 0.5, "photons": 20.0},
    "spurious spikes": {"initial": 0.5, "spurious": 0.1},
    "all": {"photons": 20.0, "spurious": 0.05, "dark": 0.02, "jitter": 0.1},
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_draws_belong_to_the_sample(noise: dict[str, Any]) -> None:
    """The same in any batch and order; other draws elsewhere; torch's own generator outside of a keyed context."""
    camera, scene = SpikeCamera(ticks=TICKS, gain=0.8, **noise), levels(5, 3, 4, 4)
    assert camera.stochastic
    rng = KeyedRng.of(3, torch.arange(5))
    with drawing(rng):
        together = camera(scene)
    order = torch.tensor([4, 1])
    with drawing(rng.rows(order)):
        assert torch.equal(camera(scene[order]), together[:, order])
    with drawing(rng.fold("another draw")):
        assert not torch.equal(camera(scene), together)
    torch.manual_seed(0)
    first = camera(scene)
    assert not torch.equal(first, camera(scene))
    torch.manual_seed(0)
    assert torch.equal(first, camera(scene))


def test_the_mean_rate_is_the_light() -> None:
    """An initial charge drawn evenly makes the expected number of spikes linear in the light, and shot noise leaves it so.

    Within 4 standard errors over 4,000 draws; a camera that starts empty is off by more.
    """
    scene = torch.tensor([0.03, 0.3, 0.55, 0.97]).view(1, 2, 2)
    plain: dict[str, float] = {}
    for noise in (plain, {"photons": 400.0, "dark": 0.01}):
        counts = (
            drawn(SpikeCamera(ticks=9, gain=0.8, dark=noise.get("dark", 0.0), photons=noise.get("photons")), scene, 4000)
            .sum(1)
            .double()
        )
        expected = 9 * (0.8 * scene.double() + noise.get("dark", 0.0))
        error = counts.std(0) / math.sqrt(4000)
        assert ((counts.mean(0) - expected).abs() <= 4 * error).all()
    empty = SpikeCamera(ticks=9, gain=0.8, initial=0.0)(scene[None]).sum(0)[0].double()
    assert (empty - 9 * 0.8 * scene.double()).abs().max() > 0.2


def test_shot_noise_has_the_variance_of_photons() -> None:
    """Charge in a tick: variance ``(gain I + dark) gain / photons``, within 4 standard errors over 20,000 draws."""
    camera = SpikeCamera(ticks=1, gain=0.5, dark=0.1, initial=0.0, photons=50.0)
    scene = torch.tensor([0.0, 0.25, 0.5]).view(1, 1, 3)
    with drawing(KeyedRng.of(0, torch.arange(20_000))):
        charge = camera.charge(scene.expand(20_000, 1, 1, 3))[0].double().flatten(1)
    expected = (0.5 * scene.double().flatten() + 0.1) * 0.5 / 50
    assert ((charge.var(0) / expected - 1).abs() <= 4 * math.sqrt(2 / 20_000)).all()
    assert ((charge.mean(0) - 0.5 * scene.double().flatten() - 0.1).abs() <= 4 * (expected / 20_000).sqrt()).all()


def test_spurious_spikes_come_in_the_dark() -> None:
    spikes = drawn(SpikeCamera(ticks=10, initial=0.0, spurious=0.1), torch.zeros(1, 4, 4), 200)
    count = spikes.numel()
    assert abs(float(spikes.double().mean()) - 0.1) <= 4 * math.sqrt(0.1 * 0.9 / count)
    bright = drawn(SpikeCamera(ticks=10, initial=0.0, spurious=0.1), torch.ones(1, 4, 4), 5)
    assert torch.equal(bright, torch.ones_like(bright))


def test_thresholds_belong_to_the_device() -> None:
    scene = torch.full((2, 1, 30, 30), 0.4)
    camera = SpikeCamera(ticks=50, initial=0.0, jitter=0.1, seed=1)
    assert not camera.stochastic
    counts = camera(scene).sum(0)
    assert torch.equal(counts[0], counts[1]) and counts.unique().numel() > 3
    assert torch.equal(counts, SpikeCamera(ticks=50, initial=0.0, jitter=0.1, seed=1)(scene).sum(0))
    assert not torch.equal(counts, SpikeCamera(ticks=50, initial=0.0, jitter=0.1, seed=2)(scene).sum(0))
    higher = camera._thresholds(scene) > 1.05
    assert counts[0][higher].max() < counts[0][camera._thresholds(scene) < 0.95].min()


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_the_gradient_is_the_slope_of_the_expected_count(noise: dict[str, Any]) -> None:
    """``gain / threshold`` a tick, and 0 where the pixel is saturated."""
    rare = {"photons": 20_000.0} if "photons" in noise else {}
    noise = noise | {"jitter": 0.0, "spurious": 0.0} | rare
    camera = SpikeCamera(ticks=TICKS, gain=2.0, threshold=1.25, **noise)
    scene = torch.tensor([0.1, 0.3, 0.9]).view(1, 1, 1, 3).requires_grad_()
    weights = torch.arange(1.0, TICKS + 1).view(TICKS, 1, 1, 1, 1)
    with drawing(KeyedRng.of(0, torch.arange(1))):
        (gradient,) = torch.autograd.grad((camera(scene) * weights).sum(), scene)
    slope = weights.sum() * 2.0 / 1.25
    torch.testing.assert_close(gradient.flatten()[:2], slope.expand(2))
    assert gradient.flatten()[2] == 0


def test_a_spurious_spike_hides_the_light() -> None:
    scene = torch.full((1, 1, 8, 8), 0.4, requires_grad=True)
    camera = SpikeCamera(ticks=4, initial=0.0, spurious=0.3)
    rng = KeyedRng.of(0, torch.arange(1))
    with drawing(rng):
        (gradient,) = torch.autograd.grad(camera(scene).sum(), scene)
    with drawing(rng):
        alone = camera(torch.zeros_like(scene)).sum(0)
    torch.testing.assert_close(gradient, 4 - alone)


def test_pixels_take_gradient_paths() -> None:
    camera, scene = SpikeCamera(ticks=8, initial=0.25), levels(2, 1, 3, 3).requires_grad_()
    assert [isinstance(module, TakesGradientPath) for module in camera.modules()] == [False, True]
    gradients, spikes = [], camera(scene)
    for path in (Training(), BPTT(surrogate="triangle", width=1.0), BPTR()):
        with path.applied(camera) as bound:
            assert bound.layers == 1
            found = camera(scene)
        assert torch.equal(found, spikes)
        gradients.append(torch.autograd.grad(found[4:].sum(), scene)[0])
    assert not torch.equal(gradients[0], gradients[1]) and not torch.equal(gradients[0], gradients[2])
    (own,) = torch.autograd.grad(camera(scene)[4:].sum(), scene)
    assert torch.equal(own, gradients[0])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no ticks": ({"ticks": 0}, "1 or more ticks"),
    "no gain": ({"gain": 0.0}, "positive gain"),
    "gain is no number": ({"gain": math.nan}, "positive gain"),
    "negative dark current": ({"dark": -0.1}, "dark current from 0"),
    "initial charge of a spike": ({"initial": 1.0}, r"in \[0, 1.0\), got 1.0"),
    "no photons": ({"photons": 0.0}, "photons must be positive"),
    "always spurious": ({"spurious": 1.0}, "spurious and jitter"),
    "negative jitter": ({"jitter": -0.1}, "spurious and jitter"),
    "no threshold": ({"threshold": 0.0}, "threshold must be positive"),
    "unknown reset": ({"reset": "none"}, "reset must be 'hard' or 'soft', not 'none'"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_cameras_that_are_none(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SpikeCamera(**{"ticks": 4} | arguments)

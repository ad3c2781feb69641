"""Light that flickers: budgets of pixels by hand, and what the same light does through a spike camera."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import bench
from attacks.randomness import KeyedRng
from attacks.threats.flicker import Flicker
from attacks.threats.linf import Linf
from bench.foundation.errors import BenchError
from zoo.cameras.networks import through_pictures


def test_a_perturbation_that_stays_is_as_large_as_in_linf() -> None:
    still = torch.rand(3, 1, 2, 4, 4, generator=torch.Generator().manual_seed(0)) - 0.5
    over_time = still.expand(3, 5, 2, 4, 4)
    torch.testing.assert_close(Flicker(eps=1.0).norm(over_time), Linf(eps=1.0).norm(still))


def test_budgets_belong_to_pixels() -> None:
    """Two ticks, two pixels: the first is a flash of 0.4, mean 0.2; the second stays within 0.1."""
    x = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
    adv = x + torch.tensor([[[0.4, 0.1], [0.0, -0.05]]], dtype=torch.float64)
    threat = Flicker(eps=0.1)
    assert float(threat.distance(adv, x)) == pytest.approx(0.2)
    expected = x + torch.tensor([[[0.2, 0.1], [0.0, -0.05]]], dtype=torch.float64)
    torch.testing.assert_close(threat.project(adv, x), expected)


def test_the_steepest_flash_comes_at_the_best_tick_or_at_all_that_are() -> None:
    gradient = torch.tensor([[[1.0, 2.0], [-3.0, 2.0], [2.0, 0.0]]])
    step = Flicker(eps=1.0).steepest(gradient)
    assert step.tolist() == [[[0.0, 1.5], [-3.0, 1.5], [0.0, 0.0]]]


def test_every_pixel_has_a_draw_of_its_own() -> None:
    """Means over the ticks, to the power of their number, are even in (0, 1): 3,000 pixels within 5 standard errors."""
    x = torch.full((1, 4, 3000), 0.5, dtype=torch.float64)
    drawn = Flicker(eps=0.01).random(x, KeyedRng.of(0, torch.arange(1)))
    volume = ((drawn - x).abs().mean(1) / 0.01) ** 4
    assert float(volume.mean()) == pytest.approx(0.5, abs=5 * (1 / 12 / 3000) ** 0.5)
    assert float((drawn - x).mean().abs()) < 0.001


def test_an_evaluation_through_a_camera() -> None:
    torch.manual_seed(0)
    camera: dict[str, Any] = {"ticks": 6, "gain": 0.9, "initial": 0.5}
    network: dict[str, Any] = {"steps": 1, "neuron": None, "widths": (4, 4, 4, 4)}
    model = through_pictures(camera=camera, reconstruction="tfi", network=network, options={"window": 3})
    model = model.eval().requires_grad_(False)
    pictures = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scenes = pictures[:, None].expand(6, 6, 3, 32, 32).contiguous()
    data = (scenes, model(scenes).argmax(1))
    record = bench.evaluate(model, data=data, attack="pgd:steps=3", norm="flicker", eps="8/255")
    assert set(record.rows["status"]) == {"ok"} and record.norm == "flicker"
    assert 0 < float(record.rows["norm_value"].max()) <= 8 / 255 + 1e-6
    with pytest.raises(BenchError, match="Flicker needs scenes over time"):
        bench.evaluate(model, data=(pictures, data[1]), attack="pgd:steps=3", norm="flicker", eps="8/255")

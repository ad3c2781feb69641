"""The simulated camera: the same events everywhere, and what a camera owes its scene."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from bench.data.events.camera import SIDE, V1, Camera
from bench.data.events.saccades import Bytes, Stream, simulate

QUIET = replace(V1, noise=0.0)
GOLDEN = "95c3ff93b82ab902"
"""Of the events of two bars, from one machine."""


def pictures(number: int, seed: int = 0) -> Bytes:
    """Random blots of light on black, ``(number, 28, 28)``."""
    rng = np.random.default_rng(seed)
    images = np.zeros((number, 28, 28), np.uint8)
    for image in images:
        for _ in range(3):
            y, x = rng.integers(4, 20, 2)
            image[y : y + rng.integers(2, 6), x : x + rng.integers(2, 6)] = rng.integers(60, 256)
    return images


def digest(stream: Stream) -> str:
    columns = (stream.recording, stream.millisecond, stream.place)
    return hashlib.sha256(b"".join(column.astype("<u2").tobytes() for column in columns)).hexdigest()[:16]


def test_its_events_are_the_same_on_every_machine() -> None:
    bars = np.zeros((2, 28, 28), np.uint8)
    bars[0, :, 10:14], bars[1, 5:9] = 255, 128
    assert digest(simulate(bars, np.array([3, 70_000]))) == GOLDEN


def test_a_recording_does_not_depend_on_its_batch() -> None:
    images, ids = pictures(5), np.array([9, 4, 0, 7, 1])
    together = simulate(images, ids)
    for number in range(5):
        alone = simulate(images[number : number + 1], ids[number : number + 1])
        mask = together.recording == number
        assert np.array_equal(alone.place, together.place[mask])
        assert np.array_equal(alone.millisecond, together.millisecond[mask])


def test_events_are_in_order_and_on_the_sensor() -> None:
    stream = simulate(pictures(4), np.arange(4))
    keys = (stream.recording * V1.milliseconds + stream.millisecond) * 2 * SIDE * SIDE + stream.place
    assert bool((np.diff(keys) > 0).all())
    assert stream.millisecond.min() >= 0 and stream.millisecond.max() < V1.milliseconds
    assert stream.place.min() >= 0 and stream.place.max() < 2 * SIDE * SIDE


def test_a_pixel_is_blind_after_an_event() -> None:
    stream = simulate(pictures(6), np.arange(6), QUIET)
    pixel = stream.recording * SIDE * SIDE + stream.place % (SIDE * SIDE)
    order = np.lexsort((stream.millisecond, pixel))
    gaps = np.diff(stream.millisecond[order])[np.diff(pixel[order]) == 0]
    assert len(gaps) > 1000
    assert gaps.min() >= QUIET.refractory


def test_a_dark_scene_makes_noise_alone() -> None:
    n = 400
    dark = np.zeros((n, 28, 28), np.uint8)
    assert len(simulate(dark, np.arange(n), QUIET).place) == 0
    counts = np.bincount(simulate(dark, np.arange(n)).recording, minlength=n)
    mean = V1.noise * V1.milliseconds / 1000 * 2 * SIDE * SIDE
    assert abs(counts.mean() - mean) < 5 * (mean / n) ** 0.5  # a Poisson number of events
    assert 0.6 * mean < counts.var() < 1.5 * mean


def test_where_it_grows_brighter_and_darker_polarities_say_so() -> None:
    half = np.zeros((1, 28, 28), np.uint8)
    half[0, :, :14] = 255  # the edge first moves to the right: pixels at it grow brighter
    stream = simulate(half, np.zeros(1, np.int64), replace(QUIET, offset=0.0))
    y, x = np.divmod(stream.place % (SIDE * SIDE), SIDE)
    at_edge = (abs(x - 17) <= 2) & (abs(y - 17) <= 8)
    brighter = stream.place >= SIDE * SIDE
    first, last = at_edge & (stream.millisecond < 90), at_edge & (stream.millisecond >= 200)
    assert brighter[first].mean() > 0.9
    assert brighter[last].mean() < 0.1


@pytest.mark.parametrize("change", [{"threshold": 0.36}, {"background": 1.0}, {"refractory": 6}])
def test_less_contrast_or_a_slower_pixel_makes_fewer_events(change: dict[str, float]) -> None:
    images, ids = pictures(5), np.arange(5)
    assert len(simulate(images, ids, replace(QUIET, **change)).place) < 0.9 * len(simulate(images, ids, QUIET).place)


def test_what_is_no_scene_is_refused() -> None:
    with pytest.raises(ValueError, match="28, 28"):
        simulate(np.zeros((1, 32, 32), np.uint8), np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="surroundings"):
        Camera(width=12)

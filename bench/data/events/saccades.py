"""A simulated event camera that looks at an image in three saccades, as N-MNIST was recorded (Orchard et al., 2015).

The pixel model is that of a dynamic vision sensor (Lichtsteiner et al., 2008): a pixel remembers the logarithm of the light
at its last event, and sends an event whenever the light has changed by more than its threshold since; it is blind for a
moment after. Thresholds differ from pixel to pixel, and now and then a pixel fires without cause.

Every number of the model stands in :data:`~bench.data.events.camera.V1`. What this makes is *simulated*; nothing here says
how well it stands for a real camera.

All arithmetic is on integers (64 parts of a pixel, 1024 parts of a logarithm), so that a recording has the same events on
every machine, and a stored set has a checksum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from attacks.randomness import KeyedRng
from bench.data.events.camera import MARGIN, SIDE, V1, Camera

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

PARTS, LOG_PARTS = 64, 1024
"""Of a pixel, and of a logarithm."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Events of several recordings, ordered by recording, millisecond and place; columns of equal length ``(E,)``.

    place: ``polarity * 34 * 34 + y * 34 + x``, polarity 1 for brighter.
    """

    recording: Integers
    millisecond: Integers
    place: Integers


def simulate(images: Bytes, ids: Integers, camera: Camera = V1) -> Stream:
    """What ``camera`` records of ``images`` ``(N, 28, 28)``.

    ids: ``(N,)``; an image under the same id gives the same events in every batch. Raises ``ValueError`` for other shapes.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28) or ids.shape != images.shape[:1]:
        raise ValueError(f"images must be (N, 28, 28) with N ids, not {images.shape} with {ids.shape}")
    streams = KeyedRng.of(camera.seed, torch.from_numpy(ids.astype(np.int64)))
    canvas = _displaced(images, streams, camera)
    logarithm = _logarithms(camera)
    thresholds = _thresholds(camera)
    path = _path(camera)
    remembered = logarithm[_light(canvas, *path[0])]
    ready = np.zeros(remembered.shape, np.int16)
    parts = [_noise_events(streams, camera)]
    for millisecond in range(1, camera.milliseconds):
        if path[millisecond] == path[millisecond - 1]:
            continue  # in the same light no pixel has anything to say
        light = logarithm[_light(canvas, *path[millisecond])]
        waiting = ready > millisecond
        change = light - remembered
        brighter, darker = (change > thresholds) & ~waiting, (change < -thresholds) & ~waiting
        fired = brighter | darker
        ready[fired] = millisecond + camera.refractory
        # A pixel that is blind follows the light, so that it starts over from the light at the end.
        remembered = np.where(fired | waiting, light, remembered)
        for polarity, events in ((0, darker), (1, brighter)):
            recording, place = np.divmod(np.flatnonzero(events), SIDE * SIDE)
            parts.append(Stream(recording, np.full(len(place), millisecond), place + polarity * SIDE * SIDE))
    return _merged(parts)


def _path(camera: Camera) -> list[tuple[int, int]]:
    """Displacement (x, y) of the image from the middle in each millisecond, in parts of a pixel."""
    right, down = round(PARTS * camera.width / 2), round(PARTS * camera.height / 2)
    corners = ((-right, -down), (0, down), (right, -down), (-right, -down))
    length = camera.milliseconds // 3
    places = []
    for millisecond in range(camera.milliseconds):
        saccade = min(millisecond // length, 2)
        share = min((millisecond - saccade * length) / (length * camera.moving), 1.0)
        done = 0.5 - 0.5 * math.cos(math.pi * share)
        (x0, y0), (x1, y1) = corners[saccade], corners[saccade + 1]
        places.append((round(x0 + done * (x1 - x0)), round(y0 + done * (y1 - y0))))
    return places


def _logarithms(camera: Camera) -> NDArray[np.int16]:
    """From light in ``255 * PARTS`` steps to its logarithm in ``LOG_PARTS``."""
    steps = 255 * PARTS
    return np.array([round(LOG_PARTS * math.log(camera.background + step / steps)) for step in range(steps + 1)], np.int16)


def _thresholds(camera: Camera) -> NDArray[np.int16]:
    """Of each pixel ``(34, 34)`` in ``LOG_PARTS``: the sum of twelve even draws less six is near enough to a normal one."""
    draws = KeyedRng.of(camera.seed, torch.zeros(1, dtype=torch.int64)).fold("threshold").uniform(12, SIDE, SIDE)[0]
    # Draws are odd multiples of 2**-24: their sum is exact in float64, whatever its order.
    normal = (draws.double().sum(0) - 6).clamp(-3, 3).numpy()
    thresholds: NDArray[np.int16] = np.rint(LOG_PARTS * camera.threshold * (1 + camera.jitter * normal)).astype(np.int16)
    return thresholds


def _displaced(images: Bytes, streams: KeyedRng, camera: Camera) -> NDArray[np.int32]:
    """Images in the middle of ``(N, 43, 43)``, each moved by its own displacement."""
    reach = round(PARTS * camera.offset)
    moves = np.stack([streams.fold("offset", axis).integers(2 * reach + 1).numpy() - reach for axis in "xy"], 1)
    edge = MARGIN + (SIDE - 28) // 2
    side = SIDE + 2 * MARGIN + 1
    dark = np.zeros((len(images), side + 2, side + 2), np.int32)
    dark[:, edge + 1 : edge + 29, edge + 1 : edge + 29] = images
    canvas = np.empty((len(images), side, side), np.int32)
    for number, (x, y) in enumerate(moves.tolist()):
        light = _between(dark[number : number + 1], PARTS - x, PARTS - y, side)
        canvas[number] = (light[0] + PARTS // 2) // PARTS
    return canvas


def _light(canvas: NDArray[np.int32], x: int, y: int) -> NDArray[np.int32]:
    """Light ``(N, 34, 34)`` on the sensor with the image displaced by ``(x, y)`` parts of a pixel: ``PARTS`` a level."""
    return _between(canvas, MARGIN * PARTS - x, MARGIN * PARTS - y, SIDE)


def _between(canvas: NDArray[np.int32], left: int, top: int, side: int) -> NDArray[np.int32]:
    """The window ``(N, side, side)`` that begins at ``(left, top)``, in parts of a pixel: bilinear, times ``PARTS``."""
    column, across = divmod(left, PARTS)
    row, down = divmod(top, PARTS)
    rows = canvas[:, row : row + side + 1]
    mixed = rows[:, :, column : column + side] * (PARTS - across) + rows[:, :, column + 1 : column + side + 1] * across
    window: NDArray[np.int32] = (mixed[:, :-1] * (PARTS - down) + mixed[:, 1:] * down) // PARTS
    return window


def _noise_events(streams: KeyedRng, camera: Camera) -> Stream:
    """Events without cause: their number is a Poisson draw, their places and times are drawn evenly."""
    places = 2 * SIDE * SIDE
    mean = camera.noise * camera.milliseconds / 1000 * places
    most = math.ceil(mean + 8 * math.sqrt(mean)) + 1
    term, total, sums = math.exp(-mean), 0.0, []
    for number in range(most):
        total += term
        sums.append(total)
        term *= mean / (number + 1)
    counts = np.searchsorted(np.array(sums), streams.fold("noise").uniform(1)[:, 0].double().numpy()).clip(max=most)
    draws = streams.fold("noise events").uniform(2, most).double().numpy()
    there = np.arange(most) < counts[:, None]
    recording = np.nonzero(there)[0]
    return Stream(
        recording,
        (draws[:, 0][there] * camera.milliseconds).astype(np.int64),
        (draws[:, 1][there] * places).astype(np.int64),
    )


def _merged(parts: list[Stream]) -> Stream:
    """All parts in order; of two events at one place in one millisecond, one is left."""
    recording = np.concatenate([part.recording for part in parts])
    millisecond = np.concatenate([part.millisecond for part in parts])
    place = np.concatenate([part.place for part in parts])
    keys = np.unique((recording << 32) | (millisecond << 16) | place)
    return Stream(keys >> 32, (keys >> 16) & 0xFFFF, keys & 0xFFFF)

"""What a spike camera sees, tick by tick, before and after an attack: an animation (APNG, which pillow writes)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
ZOOM, GAP, GREY = 3, 4, 0.8
"""Pixels of a scene's pixel and between pictures, and the brightness between them."""
MILLISECONDS = 120
"""Of a tick."""


@dataclass(frozen=True)
class View:
    """What a camera makes of a scene, as pictures in [0, 1].

    scene: ``(H, W, C)``. planes: the spikes of every tick, ``(T, H, W, C)``; white is silence, and a colour is missing where
    its pixel fired. reconstruction: ``(H, W, C)``. psnr: of the reconstruction, with the scene as its reference, in dB.
    ssim: likewise.
    """

    scene: Picture
    planes: Picture
    reconstruction: Picture
    psnr: float
    ssim: float

    @property
    def raster(self) -> Picture:
        """The spikes of the middle line of pixels, ``(T, W, C)``, a tick below the other."""
        middle: Picture = self.planes[:, self.planes.shape[1] // 2]
        return middle


def film(samples: Sequence[Sequence[View]]) -> bytes:
    """An APNG with a line for each sample: of each of its views the scene, the spikes of a tick, and the spikes so far.

    The third is the share of the ticks so far at which a pixel fired, stretched so that the brightest pixel of the last tick
    is white. Views have the same numbers of ticks and pixels.
    """
    from PIL import Image

    ticks = len(samples[0][0].planes)
    steps = []
    for tick in range(ticks):
        lines = [_beside([part for seen in views for part in _parts(seen, tick)], axis=1) for views in samples]
        levels = np.rint(_beside(lines, axis=0) * 255).astype(np.uint8)
        steps.append(Image.fromarray(levels.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)))
    buffer = io.BytesIO()
    steps[0].save(buffer, "PNG", save_all=True, append_images=steps[1:], duration=MILLISECONDS, loop=0)
    return buffer.getvalue()


def _parts(seen: View, tick: int) -> list[Picture]:
    """Three pictures ``(H, W, 3)`` of a view at a tick."""
    fired = 1 - seen.planes
    brightest = float(fired.mean(0).max()) or 1.0
    so_far = np.clip(fired[: tick + 1].mean(0) / brightest, 0, 1)
    return [part.repeat(3 // part.shape[2], axis=2) for part in (seen.scene, seen.planes[tick], so_far)]


def _beside(parts: Sequence[Picture], *, axis: int) -> Picture:
    """``parts`` one after the other along an axis, with grey between them."""
    shape = list(parts[0].shape)
    shape[axis] = -(-GAP // ZOOM)
    between = np.full(shape, GREY, np.float32)
    joined: Picture = np.concatenate([each for part in parts for each in (between, part)][1:], axis=axis)
    return joined

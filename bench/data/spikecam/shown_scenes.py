"""What a simulated camera is shown: an image, or an animation frame by frame, in shades of grey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from bench.data.images.decode import Pixels, as_pixels, plain, read_pixels
from bench.data.images.formats import FORMATS, opened
from bench.data.paths import shown
from bench.foundation.errors import DataError

ANIMATED = ("WEBP", "PNG", "GIF")
"""Formats whose frames are shown one after another; of other files there is one picture."""
VIDEOS = frozenset((".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ogv", ".y4m"))
"""Endings of videos, for which there is no reader here."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (Rec. ITU-R BT.601)."""


def scenes_of(path: Path) -> Iterator[Tensor]:
    """The luma ``(H, W)`` in [0, 1] of an image, or of each frame of an animated WebP, PNG or GIF.

    Frames are read one at a time. Raises ``DataError`` for a file that cannot be read, and for a video in another format.
    """
    if path.suffix.lower() in VIDEOS:
        fix = "Save it as an animated WebP, PNG or GIF, or its frames as images in a folder."
        raise DataError(f"{shown(path)} is a video in a format that is not read.", fix)
    with opened(path, (*FORMATS, "GIF")) as image:
        frames = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
        if frames > 1 or image.format == "GIF":
            for number in range(frames):
                image.seek(number)
                yield luma(as_pixels(plain(image, path)))
            return
    yield luma(read_pixels(path))


def luma(pixels: Pixels) -> Tensor:
    """``(H, W)`` in [0, 1] of ``(1, H, W)`` or ``(3, H, W)``."""
    levels = torch.from_numpy(pixels.copy())
    levels = levels.float() / 255 if levels.dtype == torch.uint8 else levels
    weights = levels.new_tensor(LUMA) if len(levels) == 3 else levels.new_ones(1)
    return torch.einsum("c,chw->hw", weights, levels).clamp(0, 1)

"""How images of other sizes are made to fit: resized, cropped, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Resize:
    """To ``height`` x ``width`` with Pillow's antialiased bilinear filter; the aspect ratio is not kept."""

    height: int
    width: int

    def __call__(self, image: Image) -> Image:
        from PIL.Image import Resampling

        return image.resize((self.width, self.height), Resampling.BILINEAR)


@dataclass(frozen=True)
class Crop:
    """The central ``side`` x ``side`` pixels."""

    side: int

    def __call__(self, image: Image) -> Image:
        left, top = (image.width - self.side) // 2, (image.height - self.side) // 2
        return image.crop((left, top, left + self.side, top + self.side))


Fit = Resize | Crop

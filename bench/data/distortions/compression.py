"""Lossy codecs, as Pillow has them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow

from bench.data.distortions.spaces import Image, clip


def jpeg(image: Image, quality: float) -> Image:
    """JPEG of this quality (1 to 95), with 4:2:0 chroma."""
    return _decode(_encode(image, "JPEG", quality=int(quality), subsampling=2))


def jpeg2000(image: Image, ratio: float) -> Image:
    """JPEG 2000 at this compression ratio.

    The image is mirrored on every side first, so that a small crop gets the bits per pixel that the
    ratio means for a photograph: the headers alone would use up a 96-pixel crop's budget.
    """
    height, width = image.shape[:2]
    mirrored = np.pad(image, ((height, height), (width, width), (0, 0)), mode="symmetric")
    coded = _encode(mirrored, "JPEG2000", quality_mode="rates", quality_layers=[ratio], irreversible=True)
    return _decode(coded)[height : 2 * height, width : 2 * width]


def _encode(image: Image, form: str, **options: object) -> bytes:
    coded = io.BytesIO()
    Pillow.fromarray(np.round(clip(image) * 255).astype(np.uint8)).save(coded, form, **options)
    return coded.getvalue()


def _decode(coded: bytes) -> Image:
    with Pillow.open(io.BytesIO(coded)) as picture:
        return np.asarray(picture.convert("RGB"), np.float64) / 255

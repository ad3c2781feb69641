"""AutoAugment's policy for CIFAR-10 (Cubuk et al., CVPR 2019, arXiv 1805.09501, table 7), on batches of uint8 images.

Each image goes through one of 25 pairs of operations, every operation with its own probability. Strengths 0 to 9 cut the
range of an operation evenly:

    ShearX, ShearY                                  0 to 0.3, either sign     bicubic
    TranslateX, TranslateY                          0 to 150 / 331 of the side, either sign     nearest pixel
    Rotate                                          0 to 30 degrees, either sign     nearest pixel
    Color, Contrast, Brightness, Sharpness          factor 1 -+ 0 to 0.9
    Posterize                                       8 to 4 bits kept
    Solarize                                        inverted from 256 to 0 on

AutoContrast, Equalize and Invert have no strength. Pixels that a move uncovers become grey (128), as in the
implementation that the papers on conversion used. Operations are pillow's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

GREY = (128, 128, 128)
STRONGEST = 9

POLICY: tuple[tuple[tuple[str, float, int], tuple[str, float, int]], ...] = (
    (("Invert", 0.1, 7), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 8), ("Equalize", 0.9, 2)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 5), ("Equalize", 0.5, 1)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, 7), ("AutoContrast", 0.4, 8)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 3)),
    (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 8), ("Equalize", 0.6, 4)),
    (("Color", 0.9, 9), ("Equalize", 0.6, 6)),
    (("AutoContrast", 0.8, 4), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 3)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 2), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, 8), ("Invert", 0.1, 3)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1)),
)
"""25 pairs of (operation, probability, strength)."""


def autoaugment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image through a pair of operations drawn at random.

    images: uint8 ``(n, 3, H, W)``, on any device; pillow works on the CPU. generator: on the device of ``images``.
    Raises ``TypeError`` for other images.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise TypeError(f"AutoAugment takes uint8 images (n, 3, H, W), not {images.dtype} {tuple(images.shape)}")
    n, device = len(images), images.device
    pairs = torch.randint(len(POLICY), (n,), generator=generator, device=device).tolist()
    chances = torch.rand(n, 2, generator=generator, device=device).tolist()
    signs = (2 * torch.randint(2, (n, 2), generator=generator, device=device) - 1).tolist()
    pixels = images.permute(0, 2, 3, 1).cpu().numpy()
    changed = np.empty(pixels.shape, np.uint8)
    for row in range(n):
        picture = Image.fromarray(np.ascontiguousarray(pixels[row]))
        for (name, probability, strength), chance, sign in zip(POLICY[pairs[row]], chances[row], signs[row], strict=True):
            if chance < probability:
                picture = OPERATIONS[name](picture, strength / STRONGEST, sign)
        changed[row] = np.asarray(picture)
    return torch.from_numpy(changed).permute(0, 3, 1, 2).contiguous().to(device)


def _moved(picture: Image.Image, matrix: tuple[float, ...], resample: Image.Resampling) -> Image.Image:
    """Pixel (x, y) is taken from (a x + b y + c, d x + e y + f); matrix: a to f."""
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, resample, fillcolor=GREY)


def _shear_x(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return _moved(picture, (1, sign * 0.3 * share, 0, 0, 1, 0), Image.Resampling.BICUBIC)


def _shear_y(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return _moved(picture, (1, 0, 0, sign * 0.3 * share, 1, 0), Image.Resampling.BICUBIC)


def _translate_x(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return _moved(picture, (1, 0, sign * 150 / 331 * share * picture.width, 0, 1, 0), Image.Resampling.NEAREST)


def _translate_y(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return _moved(picture, (1, 0, 0, 0, 1, sign * 150 / 331 * share * picture.height), Image.Resampling.NEAREST)


def _rotate(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return picture.rotate(sign * 30 * share, Image.Resampling.NEAREST, fillcolor=GREY)


def _posterize(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return ImageOps.posterize(picture, round(8 - 4 * share))


def _solarize(picture: Image.Image, share: float, sign: int) -> Image.Image:
    return ImageOps.solarize(picture, math.ceil(256 * (1 - share)))


def _enhanced(
    enhancer: Callable[[Image.Image], ImageEnhance._Enhance],
) -> Callable[[Image.Image, float, int], Image.Image]:
    return lambda picture, share, sign: enhancer(picture).enhance(1 + sign * 0.9 * share)


OPERATIONS: dict[str, Callable[[Image.Image, float, int], Image.Image]] = {
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": _translate_x,
    "TranslateY": _translate_y,
    "Rotate": _rotate,
    "Color": _enhanced(ImageEnhance.Color),
    "Contrast": _enhanced(ImageEnhance.Contrast),
    "Brightness": _enhanced(ImageEnhance.Brightness),
    "Sharpness": _enhanced(ImageEnhance.Sharpness),
    "Posterize": _posterize,
    "Solarize": _solarize,
    "AutoContrast": lambda picture, share, sign: ImageOps.autocontrast(picture),
    "Equalize": lambda picture, share, sign: ImageOps.equalize(picture),
    "Invert": lambda picture, share, sign: ImageOps.invert(picture),
}
"""By name: picture, strength as a share of the strongest, and sign (-1 or 1) to picture."""

"""What cleans an image before it is scored: blur, resizing and JPEG compression, as defenses of quality models.

A purifier removes fine detail and with it some of what an attacker added. It is part of the model, and an attack goes
through it: blur and resizing are differentiated as they are, and the rounding of JPEG, whose derivative is 0 almost
everywhere, hands back the gradient that arrives (BPDA, Athalye et al., ICML 2018). A purifier judged by images that were
made without it would look better than it is.

Purifiers have no weights: a model behind one takes those of the model without it, with its calibration.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8 for _ in range(4)),
)
"""Steps of quality 50 (ITU-T T.81, tables K.1 and K.2)."""
TO_YCC = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
"""From red, green and blue to luminance and the two colour differences (JFIF)."""
BLOCK = 8


class Blur(nn.Module):
    """A Gaussian of ``size`` x ``size`` pixels, at the border mirrored.

    size: odd. sigma: in pixels; None for ``0.3 ((size - 1) / 2 - 1) + 0.8``, as OpenCV has it.
    Raises ``ValueError`` for an even size or a sigma that is not positive.
    """

    kernel: Tensor

    def __init__(self, *, size: int = 3, sigma: float | None = None) -> None:
        super().__init__()
        width = 0.3 * ((size - 1) / 2 - 1) + 0.8 if sigma is None else sigma
        if size < 1 or size % 2 == 0 or not width > 0:
            raise ValueError(f"a blur has an odd size and a positive sigma, not {size} and {sigma}")
        places = torch.arange(size) - size // 2
        line = torch.exp(-(places**2) / (2 * width**2))
        line = line / line.sum()
        self.register_buffer("kernel", line[:, None] * line[None, :], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Blurred images of the shape of ``x`` ``(N, C, H, W)``."""
        channels, border = x.shape[1], self.kernel.shape[0] // 2
        kernel = self.kernel.to(x).expand(channels, 1, *self.kernel.shape)
        return F.conv2d(F.pad(x, [border] * 4, mode="reflect"), kernel, groups=channels)

    def extra_repr(self) -> str:
        """Size for ``repr``."""
        return f"size={self.kernel.shape[0]}"


class Resize(nn.Module):
    """Bilinear, to ``share`` of both sides and back; each pixel of the small image is a mean over what it stands for.

    Raises ``ValueError`` for a share outside of (0, 1).
    """

    def __init__(self, *, share: float = 0.5) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise ValueError(f"an image is resized to a share between 0 and 1 of its sides, not {share}")
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Images of the shape of ``x`` ``(N, C, H, W)``."""
        small = [max(1, round(self.share * side)) for side in x.shape[2:]]
        shrunk = F.interpolate(x, small, mode="bilinear", antialias=True)
        return F.interpolate(shrunk, x.shape[2:], mode="bilinear")

    def extra_repr(self) -> str:
        """Share for ``repr``."""
        return f"share={self.share:g}"


class _RoundingPassed(torch.autograd.Function):
    """Rounds, halves away from 0; backward, every gradient passes.

    Halves are common: the mean of a block of whole levels is a multiple of 1/64. The last bits of a sum shall not decide
    on them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x.abs() + (0.5 + 1e-9)).floor_().copysign_(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


def _rounded(x: Tensor) -> Tensor:
    rounded: Tensor = _RoundingPassed.apply(x)  # type: ignore[no-untyped-call]
    return rounded


class Jpeg(nn.Module):
    """JPEG at a quality from 1 to 100, up to the coding that loses nothing; colour differences have the full resolution.

    Luminance and colour differences are rounded to whole levels; their blocks of 8 x 8 pixels, at the right and lower border
    filled up by the last pixel, are transformed by the DCT and rounded to multiples of the steps of the quality. What is
    decoded is rounded to whole levels before it becomes an image, whose colours then are not.
    Raises ``ValueError`` for another quality.
    """

    steps: Tensor
    cosines: Tensor
    to_ycc: Tensor

    def __init__(self, *, quality: int = 50) -> None:
        super().__init__()
        if not 1 <= quality <= 100:
            raise ValueError(f"the quality of a JPEG lies between 1 and 100, not at {quality}")
        self.quality = quality
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        base = torch.tensor([LUMINANCE, CHROMINANCE, CHROMINANCE], dtype=torch.float64)
        steps = ((base * scale + 50) / 100).floor().clamp(1, 255)
        frequency, place = torch.arange(BLOCK)[:, None], torch.arange(BLOCK)[None, :]
        cosines = torch.cos(math.pi * frequency.double() * (2 * place + 1) / (2 * BLOCK)) / 2
        cosines[0] /= math.sqrt(2)
        self.register_buffer("steps", steps, persistent=False)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("to_ycc", torch.tensor(TO_YCC, dtype=torch.float64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Decoded images in [0, 1] of the shape of ``x`` ``(N, 3, H, W)``."""
        height, width = x.shape[2:]
        # In float64 a value near the middle of two steps falls to the same side wherever it is computed, almost surely.
        image = F.pad(x.double(), (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
        to_ycc, cosines, steps = (table.to(image) for table in (self.to_ycc, self.cosines, self.steps[:, None, None]))
        planes = _rounded(torch.einsum("kc,nchw->nkhw", to_ycc, image) * 255)
        planes = torch.cat([planes[:, :1] - 128, planes[:, 1:]], 1)
        blocks = planes.unflatten(3, (-1, BLOCK)).unflatten(2, (-1, BLOCK)).transpose(3, 4)
        spectrum = cosines @ blocks @ cosines.T
        kept = _rounded(spectrum / steps) * steps
        decoded = (cosines.T @ kept @ cosines).transpose(3, 4).flatten(4, 5).flatten(2, 3)
        decoded = _rounded(decoded).clamp(-128, 127)
        decoded = torch.cat([decoded[:, :1] + 128, decoded[:, 1:]], 1)
        colours = torch.einsum("ck,nkhw->nchw", torch.linalg.inv(to_ycc), decoded) / 255
        return colours[:, :, :height, :width].clamp(0, 1).to(x.dtype)

    def extra_repr(self) -> str:
        """Quality for ``repr``."""
        return f"quality={self.quality}"


PURIFIERS: dict[str, type[Blur] | type[Resize] | type[Jpeg]] = {"blur": Blur, "resize": Resize, "jpeg": Jpeg}


def purifier(name: str, **arguments: Any) -> nn.Module:
    """The purifier of this name. Raises ``ValueError`` for an unknown one."""
    if name not in PURIFIERS:
        raise ValueError(f"unknown purifier {name!r}; known: {', '.join(PURIFIERS)}")
    made: nn.Module = PURIFIERS[name](**arguments)
    return made

"""The frequency encoding of FEEL-SNN (Xu et al., NeurIPS 2024): at each time step fewer frequencies of the image.

    x[t] = | IFFT( M[t] * FFT(x) ) |,     M[t] = 1 for frequencies -r[t] <= m, n < r[t] and 0 beyond,

per channel, r falling from half the side of the image by 2 a step: 16, 14, 12, 10 for 32 x 32 pixels and T = 4. At the first
step all frequencies pass, and the image is what it is. The box holds -r and not r, as in the released code; so the filtered
image is complex, and its magnitude is taken. The encoding is differentiable and part of the network: an attack goes through
it.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

NARROWING = 2
"""By how much r falls in a step."""


class Frequency(nn.Module):
    """Images ``(N, C, H, W)`` to ``steps`` of them, ``(T, N, C, H, W)``, each with fewer frequencies."""

    stochastic = False

    def __init__(self, *, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """The filtered images. Raises ``ValueError`` for images too small to have a frequency left at the last step."""
        spectrum = torch.fft.fft2(x)
        images = []
        for radii in boxes(self.steps, *x.shape[-2:]):
            if radii == (x.shape[-2] // 2, x.shape[-1] // 2):
                images.append(x)
                continue
            passed = box(*x.shape[-2:], *radii).to(x)
            images.append(torch.fft.ifft2(spectrum * passed).abs())
        return torch.stack(images)


def boxes(steps: int, height: int, width: int) -> list[tuple[int, int]]:
    """r of rows and of columns at each step. Raises ``ValueError`` if one of them is not positive, or a side is odd."""
    if height % 2 or width % 2:
        raise ValueError(f"frequencies are cut in boxes of an even side, and images of {height} x {width} have none")
    radii = [(height // 2 - NARROWING * t, width // 2 - NARROWING * t) for t in range(steps)]
    if min(radii[-1]) < 1:
        raise ValueError(f"images of {height} x {width} have no frequency left after {steps} steps")
    return radii


@cache
def box(height: int, width: int, tall: int, wide: int) -> Tensor:
    """1 for the frequencies that pass, in the order of the FFT, ``(H, W)``, float32."""
    rows = torch.fft.fftfreq(height, 1 / height)
    columns = torch.fft.fftfreq(width, 1 / width)
    inside: Tensor = ((rows >= -tall) & (rows < tall))[:, None] & ((columns >= -wide) & (columns < wide))
    return inside.float()

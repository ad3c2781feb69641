"""Steps of Adam (Kingma and Ba, ICLR 2015) for a batch whose rows may be dropped on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.rows import per_row


@dataclass
class Moments:
    """Running means per entry: of the slope and of its square."""

    first: Tensor
    second: Tensor

    @classmethod
    def like(cls, x: Tensor) -> Moments:
        """Zeros for rows like ``x`` ``(n, ...)``: before the first step."""
        return cls(torch.zeros_like(x), torch.zeros_like(x))

    def rows(self, index: Tensor) -> Moments:
        """The means of the rows ``index`` ``(m,)``."""
        return Moments(self.first[index], self.second[index])

    def step(self, slope: Tensor, number: int) -> Tensor:
        """The step ``(n, ...)`` of about size 1 per entry for slopes ``(n, ...)``; ``number`` counts from 1.

        The scale of a slope makes no difference to Adam. Each row is divided by its largest entry, so that its square stays
        finite.
        """
        scale = per_row(slope.flatten(1).abs().amax(1), slope).clamp_min(torch.finfo(slope.dtype).tiny)
        slope = slope / scale
        self.first.mul_(0.9).add_(0.1 * slope)
        self.second.mul_(0.999).add_(0.001 * slope.square())
        mean, square = self.first / (1 - 0.9**number), self.second / (1 - 0.999**number)
        return mean / square.sqrt().clamp_min(1e-8)

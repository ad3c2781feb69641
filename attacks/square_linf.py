"""The moves of Square in linf (Andriushchenko et al., ECCV 2020, section 3.2): stripes, then squares of +-2 eps."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall


def stripes(x: Tensor, ball: NormBall, rng: KeyedRng) -> Tensor:
    """Images ``(n, C, H, W)`` moved by +-eps along vertical stripes, one sign per column and channel."""
    signs = rng.fold("stripes").uniform(x.shape[1], 1, x.shape[3]).to(x).sub(0.5).sign()
    return ball.project(x + ball.radius(x) * signs, x)


def with_a_square(adv: Tensor, x: Tensor, ball: NormBall, side: int, rng: KeyedRng) -> Tensor:
    """Candidates ``adv`` ``(n, C, H, W)`` around ``x`` with one square of ``side`` pixels moved by +-2 eps, projected."""
    return ball.project(adv + 2 * ball.radius(x) * patch(x, side, rng), x)


def patch(x: Tensor, side: int, rng: KeyedRng) -> Tensor:
    """One square of ``side`` pixels per row, +1 or -1 per channel inside, 0 outside; shaped like ``x`` ``(n, C, H, W)``."""
    _, channels, height, width = x.shape
    top = rng.fold("row").integers(height - side + 1)[:, None]
    left = rng.fold("column").integers(width - side + 1)[:, None]
    vertical, horizontal = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
    inside_rows = (vertical >= top) & (vertical < top + side)
    inside_columns = (horizontal >= left) & (horizontal < left + side)
    sign = rng.fold("sign").uniform(channels, 1, 1).to(x).sub(0.5).sign()
    return sign * (inside_rows[:, None, :, None] & inside_columns[:, None, None, :]).to(x)

"""The moves of Square in l2 (Andriushchenko et al., ECCV 2020, section 3.3 and algorithm 3).

A perturbation is made of tiles: two halves of opposite sign, each highest in its middle,

    eta(r, s) = sum_{k=0..M} 1 / (n + 1 - k)^2,   n = floor(h / 2),   M = n - max(|r - n| , |s - n'|)

(centre of the half: n, n'). A move takes the budget that two windows hold, empties the second, and repaints the
first with a tile of random sign per channel added to what was there, as long as the budget allows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.norm_ball import NormBall


def tile(side: int) -> Tensor:
    """``(side, side)`` float64, length 1 in l2: an upper half, positive, above a negative one."""
    upper = side // 2
    return _unit(torch.cat([_half(upper, side), -_half(side - upper, side)]))


def _unit(values: Tensor) -> Tensor:
    return values / values.square().sum().sqrt()


def _half(height: int, width: int) -> Tensor:
    """``(height, width)`` of length 1: the ring at distance j from its middle holds sum 1 / (i + 1)^2, i >= j."""
    down = (torch.arange(height) - height // 2).abs()[:, None]
    across = (torch.arange(width) - width // 2).abs()[None, :]
    ring = torch.maximum(down, across)
    terms = 1.0 / (torch.arange(int(ring.max()) + 1, dtype=torch.float64) + 1) ** 2
    return _unit(terms.flip(0).cumsum(0).flip(0)[ring])


def oriented(side: int, rng: KeyedRng, like: Tensor) -> Tensor:
    """One tile per row, upright or lying, each channel of a random sign: ``(n, C, side, side)``."""
    upright = tile(side).to(like)
    lying = per_row(rng.fold("lying").uniform(1)[:, 0] > 0.5, like)
    sign = rng.fold("sign").uniform(like.shape[1], 1, 1).to(like).sub(0.5).sign()
    return sign * torch.where(lying, upright.T, upright)


def chequerboard(x: Tensor, ball: NormBall, rng: KeyedRng) -> Tensor:
    """Images ``(n, C, H, W)`` moved by eps along a chequerboard of about 5 x 5 tiles of random signs."""
    height, width = x.shape[2:]
    side = max(min(height, width) // 5, 2)
    delta = torch.zeros_like(x)
    for top in range(height % side // 2, height - side + 1, side):
        for left in range(width % side // 2, width - side + 1, side):
            delta[:, :, top : top + side, left : left + side] = oriented(side, rng.fold("tiles", top, left), x)
    return _scaled(delta, x, ball)


def with_a_tile(adv: Tensor, x: Tensor, ball: NormBall, side: int, rng: KeyedRng) -> Tensor:
    """The candidate that follows the best so far, ``adv`` ``(n, C, H, W)`` around ``x``. side: of a square, in pixels."""
    # Odd and at least 3, so that a tile has a middle; a window is smaller than the image.
    odd = max(side + 1 - side % 2, 3)
    return repainted(adv, x, ball, min(odd, (min(x.shape[2:]) - 1) // 2 * 2 + 1), rng)


def repainted(adv: Tensor, x: Tensor, ball: NormBall, side: int, rng: KeyedRng) -> Tensor:
    """The candidate of one move for images ``adv`` ``(n, C, H, W)`` around ``x``; side: of the windows, odd, in pixels."""
    delta = adv - x
    channels = x.shape[1]
    first, second = (_window(x, side, rng.fold(name)) for name in ("first", "second"))
    inside = delta.gather(2, first[0]).gather(3, first[1])
    unused = (ball.radius(x).square() - per_row(ball.norm(delta).square(), x)).clamp_min(0)
    mask = torch.maximum(_painted(delta, first, torch.ones_like(inside)), _painted(delta, second, torch.ones_like(inside)))
    held = (delta * mask).square().sum((2, 3), keepdim=True)
    fresh = oriented(side, rng, x) + inside / _length(inside)
    fresh = fresh / _length(fresh) * (held + unused / channels).sqrt()
    kept = delta * (1 - mask)
    return _scaled(kept + _painted(delta, first, fresh), x, ball)


def _scaled(delta: Tensor, x: Tensor, ball: NormBall) -> Tensor:
    """``x`` moved along ``delta`` by the whole radius, then into the box."""
    length = per_row(ball.norm(delta), x).clamp_min(torch.finfo(x.dtype).tiny)
    return ball.project(x + ball.radius(x) * delta / length, x)


def _length(values: Tensor) -> Tensor:
    """l2 length per row and channel, never 0: ``(n, C, 1, 1)``."""
    return values.square().sum((2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _window(x: Tensor, side: int, rng: KeyedRng) -> tuple[Tensor, Tensor]:
    """A random window per row, as indices for two gathers: rows ``(n, C, side, W)``, then columns ``(n, C, side, side)``."""
    n, channels, height, width = x.shape
    reach = torch.arange(side, device=x.device)
    rows = rng.fold("row").integers(height - side + 1)[:, None] + reach
    columns = rng.fold("column").integers(width - side + 1)[:, None] + reach
    return (
        rows[:, None, :, None].expand(n, channels, side, width),
        columns[:, None, None, :].expand(n, channels, side, side),
    )


def _painted(like: Tensor, window: tuple[Tensor, Tensor], content: Tensor) -> Tensor:
    """``content`` ``(n, C, side, side)`` in its window of an empty image shaped like ``like``."""
    side = content.shape[-1]
    strip = like.new_zeros(*like.shape[:2], side, like.shape[3]).scatter(3, window[1], content)
    return torch.zeros_like(like).scatter(2, window[0], strip)

"""The moves of the corner search: which entries of a perturbation change, and how.

In linf the decision of a spiking network is constant on pieces of the ball, and the pieces that matter reach its corners: a
move sends some entries to the far side of their interval. In l2 there are no corners, and a move pushes some entries by a
common amount and takes the length it costs from the others.

Half of the candidates, or as many as asked for, are drawn by a score: entries whose move promises most by the gradient come
more often, in proportion to ``exp(promise / standard deviation of all promises)``. The others are drawn evenly, for a
gradient that lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall
from attacks.threats.threat import Threat

FEWEST, PUSH = 2, (0.02, 0.5)
"""The fewest entries of a move; the shortest and longest push in l2, in units of the radius."""
STEEPEST = 8.0
"""Promises count up to so many standard deviations, so that their exponentials stay finite."""


@dataclass(frozen=True)
class Draw:
    """The entries of P candidates for each of n rows: ``index`` ``(n, P, most)``, of which the first ``count`` ``(n, P)``
    count. An entry may occur twice.
    """

    index: Tensor
    count: Tensor

    @property
    def used(self) -> Tensor:
        """``index`` with the first entry in the place of those beyond ``count``."""
        beyond = torch.arange(self.index.shape[2], device=self.index.device) >= self.count[..., None]
        return torch.where(beyond, self.index[..., :1], self.index)

    def chosen(self, entries: int) -> Tensor:
        """Whether each of so many entries is drawn, bool ``(n, P, entries)``."""
        shape = (*self.count.shape, entries)
        return torch.zeros(shape, dtype=torch.bool, device=self.index.device).scatter_(2, self.used, True)


@dataclass(frozen=True)
class CornerMoves:
    """How the corner search walks under one kind of threat. Points and gradients are ``(n, ...)``.

    spread: a point brought to the border of the ball, along the gradient (of zeros: blindly) where it does not differ
        from the clean input. promise: ``(n, D)``, by how much moving each entry would raise the objective if it were
        linear, up to a factor per row. moved: from points, clean inputs, ball, gradient, entries and streams, the
        candidates ``(n, P, ...)``.
    """

    spread: Callable[[Tensor, Tensor, NormBall, Tensor, KeyedRng], Tensor]
    promise: Callable[[Tensor, Tensor, NormBall, Tensor], Tensor]
    moved: Callable[[Tensor, Tensor, NormBall, Tensor, Draw, KeyedRng], Tensor]


def drawn(promise: Tensor, guided: int, candidates: int, most: int, rng: KeyedRng, *, sharpness: float = 1.0) -> Draw:
    """Entries for so many candidates per row, the first ``guided`` of them by ``promise`` ``(n, D)``, the others evenly.

    The number of entries of a candidate is log-uniform from :data:`FEWEST` to ``most``. sharpness: an entry that promises a
    standard deviation more comes ``exp(sharpness)`` times as often.
    """
    n, entries = promise.shape
    most = min(most, entries)
    least = min(FEWEST, most)
    count = (least * (most / least) ** rng.fold("count").uniform(candidates)).round().long()
    where = rng.fold("entries").uniform(candidates, most)
    index = (where * entries).long().clamp_max(entries - 1)
    if guided:
        # Double precision, so that neither the sum over a row nor its order of summation moves the choice.
        scaled = promise.double() / promise.double().std(1, keepdim=True, correction=0).clamp_min(1e-300)
        share = (sharpness * scaled).clamp_max(STEEPEST).exp().cumsum(1)
        of_row = where[:, :guided].reshape(n, -1).double() * share[:, -1:]
        index[:, :guided] = torch.searchsorted(share, of_row).clamp_max(entries - 1).view(n, guided, most)
    return Draw(index, count)


def _signs(like: Tensor, rng: KeyedRng) -> Tensor:
    return rng.uniform(*like.shape[1:]).to(like).sub(0.5).sign()


def to_corners(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, rng: KeyedRng) -> Tensor:
    """Every entry at the end of its interval that ``point`` leans to; see :class:`CornerMoves`."""
    delta = point - x
    lean = torch.where(delta != 0, delta, gradient).sign()
    lean = torch.where(lean != 0, lean, _signs(x, rng))
    return ball.project(x + ball.radius(x) * lean, x)


def promise_of_flips(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor) -> Tensor:
    """The first-order rise if each entry went to the far side of its interval, ``(n, D)``."""
    return ((far_side(point, x, ball) - point) * gradient).flatten(1)


def flipped(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, draw: Draw, rng: KeyedRng) -> Tensor:
    """Candidates ``(n, P, ...)``: the drawn entries at the far side of their interval."""
    n, count = draw.count.shape
    moved = torch.where(
        draw.chosen(point[0].numel()), far_side(point, x, ball).flatten(1)[:, None], point.flatten(1)[:, None]
    )
    return moved.view(n, count, *point.shape[1:])


def far_side(point: Tensor, x: Tensor, ball: NormBall) -> Tensor:
    """Of each entry's interval, the end that ``point`` is farther from; in the middle, the upper one."""
    low, high = (ball.project(x + side * ball.radius(x), x) for side in (-1.0, 1.0))
    return torch.where(point - low > high - point, low, high)


def to_sphere(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, rng: KeyedRng) -> Tensor:
    """``point`` pushed away from ``x`` until the whole radius is used; see :class:`CornerMoves`."""
    delta = point - x
    at_centre = per_row((delta == 0).flatten(1).all(1), x)
    level = per_row((gradient == 0).flatten(1).all(1), x)
    away = torch.where(at_centre, torch.where(level, _signs(x, rng), gradient), delta)
    return ball.project(x + ball.radius(x) * ball.steepest(away), x)


def promise_of_pushes(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor) -> Tensor:
    """The slope of each entry, ``(n, D)``: it may be pushed either way."""
    return gradient.abs().flatten(1)


def pushed(point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, draw: Draw, rng: KeyedRng) -> Tensor:
    """Candidates ``(n, P, ...)``: the drawn entries pushed along the gradient, blindly where it is zero, onto the sphere."""
    n, count = draw.count.shape
    slope = gradient.flatten(1)[:, None].expand(-1, count, -1).gather(2, draw.used)
    blind = rng.fold("side").uniform(*draw.index.shape[1:]).to(point).sub(0.5).sign()
    side = torch.where(slope != 0, slope.sign(), blind)
    size = push_sizes(draw.count, x, ball, rng)[..., None]
    # Assigned, not added: an entry that was drawn twice moves once. Duplicates get equal values but for a blind side.
    change = point.new_zeros(n, count, point[0].numel()).scatter_reduce_(
        2, draw.used, side * size, "amax", include_self=False
    )
    return onto_sphere((point - x).flatten(1)[:, None] + change, x, ball)


def push_sizes(changed: Tensor, x: Tensor, ball: NormBall, rng: KeyedRng) -> Tensor:
    """By how much each entry of a candidate is pushed, ``(n, P)``: all together by a log-uniform share of the radius.

    changed: ``(n, P)``, how many entries.
    """
    push = PUSH[0] * (PUSH[1] / PUSH[0]) ** rng.fold("push").uniform(changed.shape[1], 1).to(x)
    return (push * ball.radius(x).view(len(x), 1, 1) / changed.clamp_min(1).to(x).sqrt()[..., None])[..., 0]


def onto_sphere(delta: Tensor, x: Tensor, ball: NormBall) -> Tensor:
    """Candidates ``(n, P, ...)`` on the border of the ball, into the directions ``delta`` ``(n, P, D)``."""
    n, count = delta.shape[:2]
    centre = x.repeat_interleave(count, 0)
    away = delta.reshape(n * count, *x.shape[1:])
    wide = ball.rows(torch.arange(n, device=x.device).repeat_interleave(count))
    return wide.project(centre + wide.radius(centre) * wide.steepest(away), centre).view(n, count, *x.shape[1:])


MOVES: dict[type[Threat], CornerMoves] = {
    Linf: CornerMoves(to_corners, promise_of_flips, flipped),
    L2: CornerMoves(to_sphere, promise_of_pushes, pushed),
}
"""The moves for each kind of threat."""


def most_entries(entries: int, most: int) -> int:
    """The largest number of entries of a move on inputs of so many: at most half of them."""
    return max(1, min(most, math.ceil(entries / 2)))

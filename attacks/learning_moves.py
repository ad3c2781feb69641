"""The candidates of a search that learns what its moves are worth, by threat.

A round tries some candidates that follow what is known of each entry (:mod:`attacks.entry_effects`), and some that move a
small square whatever is known (:mod:`attacks.corner_patches`). In linf an entry moves to the far side of its interval. In l2
entries are pushed, and the length that this costs is taken from the others, as in :mod:`attacks.corner_moves`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.corner_moves import drawn, far_side, onto_sphere, push_sizes
from attacks.corner_patches import boxes, patches
from attacks.entry_effects import EntryEffects
from attacks.randomness import KeyedRng
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall
from attacks.threats.threat import Threat


@dataclass(frozen=True)
class LearningDraw:
    """How the candidates of a round are drawn. size: candidates per row, of which ``guided`` follow what is known. most: the
    largest number of entries that these change. sharpness: see :func:`~attacks.corner_moves.drawn`. trust: in the gradient.
    """

    size: int
    guided: int
    most: int
    sharpness: float
    trust: float


@dataclass(frozen=True)
class Tried:
    """The candidates of a round. points: ``(n, P, C, H, W)``. changed: bool ``(n, P, D)``, which entries were moved; and
    step, which way: ``(n, D)`` where all candidates agree, or ``(n, P, D)``.
    """

    points: Tensor
    changed: Tensor
    step: Tensor


LearningMoves = Callable[[Tensor, Tensor, NormBall, Tensor, EntryEffects, LearningDraw, KeyedRng], Tried]
"""From points, clean inputs and gradients ``(n, C, H, W)``, the ball, what is known of the rows, and streams."""


def flips(
    point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, known: EntryEffects, draw: LearningDraw, rng: KeyedRng
) -> Tried:
    """Entries go to the far side of their interval, one by one or as squares."""
    far = far_side(point, x, ball)
    step = (far - point).flatten(1)
    promise = known.promise(step, gradient.flatten(1), draw.trust)
    followed = drawn(promise, draw.guided, draw.guided, draw.most, rng, sharpness=draw.sharpness).chosen(step.shape[1])
    squares = patches((step > 0).view_as(far), draw.size - draw.guided, rng).flatten(2)
    changed = torch.cat((followed, squares), 1)
    points = torch.where(changed.view(len(x), draw.size, *x.shape[1:]), far[:, None], point[:, None])
    return Tried(points, changed, step)


def pushes(
    point: Tensor, x: Tensor, ball: NormBall, gradient: Tensor, known: EntryEffects, draw: LearningDraw, rng: KeyedRng
) -> Tried:
    """Entries are pushed the way that promises most, or squares one way in each channel, onto the sphere."""
    entries, others = x[0].numel(), draw.size - draw.guided
    promise = known.promise(torch.ones_like(x).flatten(1), gradient.flatten(1), draw.trust)
    blind = rng.fold("side").uniform(entries).to(x).sub(0.5).sign()
    side = torch.where(promise != 0, promise.sign().to(x), blind)
    followed = drawn(promise.abs(), draw.guided, draw.guided, draw.most, rng, sharpness=draw.sharpness).chosen(entries)
    squares = boxes(x.shape[1:], others, rng)
    of_square = rng.fold("square side").uniform(others, x.shape[1]).to(x).sub(0.5).sign()[..., None, None]
    changed = torch.cat((followed, squares.flatten(2)), 1)
    step = torch.cat((followed * side[:, None], (squares * of_square).flatten(2)), 1)
    size = push_sizes(changed.sum(2), x, ball, rng)
    points = onto_sphere((point - x).flatten(1)[:, None] + step * size[..., None], x, ball)
    return Tried(points, changed, step)


LEARNING_MOVES: dict[type[Threat], LearningMoves] = {Linf: flips, L2: pushes}
"""For each kind of threat."""

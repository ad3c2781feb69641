"""Where a corner search is on each sample, and what every such search does with the answers to its candidates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Answer, Oracle
from attacks.rows import per_row

MEMORY = 0.6
"""What a gradient of before counts for beside the present one, each divided by its mean size."""


@dataclass
class Walk:
    """Where the search is on the rows that stand. rows: ``(m,)``; the others ``(m, ...)`` and ``(m,)``."""

    rows: Tensor
    point: Tensor
    value: Tensor
    gradient: Tensor

    def only(self, kept: Tensor) -> Walk:
        """The walk on some of its rows, given by indices or as bool ``(m,)``."""
        return Walk(self.rows[kept], self.point[kept], self.value[kept], self.gradient[kept])


def numbers(value: Tensor) -> Tensor:
    """``value`` ``(n,)`` with the lowest number in the place of what is none, so that any number is better."""
    return torch.where(value.isnan(), -torch.inf, value)


def certain(answer: Answer) -> Answer:
    """The answer with rows whose margin is no number unbroken: what they decide is not known."""
    return Answer(answer.value, answer.gradient, answer.broken & ~answer.value.isnan())


def best_of(candidates: Tensor, answer: Answer) -> tuple[Tensor, Answer]:
    """Of ``candidates`` ``(n, P, ...)`` the first that broke its row, or else that of the largest number; ``(n, ...)``."""
    n, size = candidates.shape[:2]
    value, broken = numbers(answer.value).view(n, size), certain(answer).broken.view(n, size)
    pick = torch.where(broken.any(1), broken.int().argmax(1), value.argmax(1))
    rows = torch.arange(n, device=value.device)
    return candidates[rows, pick], Answer(value[rows, pick], None, broken[rows, pick])


def move(walk: Walk, points: Tensor, answer: Answer, best: Best) -> None:
    """Go to ``points`` ``(m, ...)`` where they are not worse."""
    best.update(points, walk.rows, certain(answer))
    value = numbers(answer.value)
    better = value >= walk.value
    walk.point = torch.where(per_row(better, points), points, walk.point)
    walk.value = torch.where(better, value, walk.value)


def look(oracle: Oracle, walk: Walk, best: Best) -> None:
    """The gradient where the walk is now, together with those of before."""
    answer = oracle.query(walk.point, walk.rows, grad=True)
    best.update(walk.point, walk.rows, certain(answer))
    walk.gradient = MEMORY * walk.gradient + by_mean(answer.slope)


def by_mean(gradient: Tensor) -> Tensor:
    """Each row divided by its mean magnitude; a row of zeros stays zero."""
    mean = per_row(gradient.abs().flatten(1).mean(1), gradient)
    return gradient / mean.clamp_min(torch.finfo(gradient.dtype).tiny)

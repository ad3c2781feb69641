"""The corner search, made to get farther per forward: it learns, it moves squares, and it gives up where it must.

Where walks along gradients have ended, few candidates of :class:`~attacks.corners.Corners` are better than the point that
they come from, and the gradient hardly helps to choose them. So here

- what each entry is worth is learnt from all candidates (:mod:`attacks.entry_effects`), with the gradient as a prior, and
  half of the candidates follow that;
- the other half move small squares (:mod:`attacks.corner_patches`);
- the number of entries that change falls as the search goes on, because large moves stop helping first;
- a row leaves when at its mean pace so far it would not fall within its queries. Paces slow down, so that this is generous;
  what it saves is spent on the rows that are near.

``python -m reports.corner_searches`` takes one of these away at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.corner_moves import MOVES, drawn, far_side, most_entries
from attacks.corner_patches import patches
from attacks.corner_walk import Walk, best_of, look, move, numbers
from attacks.corners import ENTRIES, Corners
from attacks.entry_effects import EntryEffects
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds, entry_for

FEWEST_AT_LAST = 8
"""The largest number of entries that a move may change is never less."""


@dataclass(frozen=True, kw_only=True)
class LearningCorners(Corners):
    """Corner search in linf. Images ``(n, C, H, W)`` only.

    queries: the most forwards per sample; many samples leave before. candidates, refresh: see the base. guided: share of
    the candidates that follow what is learnt; the others are squares. most: the largest number of entries that a candidate
    changes, at first. halving: forwards in which it halves. sharpness: see :func:`~attacks.corner_moves.drawn`. trust: in
    the gradient, see :meth:`EntryEffects.promise <attacks.entry_effects.EntryEffects.promise>`. patience: forwards before a
    row may be given up.
    Raises ``ValueError`` for values that make no sense.
    """

    threats: ClassVar[ThreatKinds] = (Linf,)

    queries: int = 5000
    halving: int = 200
    sharpness: float = 2.0
    trust: float = 0.5
    patience: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.halving < 1:
            raise ValueError("halving must be at least 1")
        if wrong := [name for name in ("sharpness", "trust", "patience") if not getattr(self, name) >= 0]:
            raise ValueError(f"{' and '.join(wrong)} must be at least 0")

    def most_after(self, spent: int) -> int:
        """The largest number of entries that a candidate changes after so many forwards."""
        return max(int(self.most * 0.5 ** (spent / self.halving)), min(self.most, FEWEST_AT_LAST))

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The candidate ``(n, C, H, W)`` of the smallest margin, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        oracle, ball = oracle.using(objective=Margin()), as_norm_ball(threat)
        best = Best.starting_at(x)
        if not len(x):
            return best.inputs
        walk = self._begun(oracle, x, ball, entry_for(threat, MOVES), rng.fold("start"), best)
        effects, began, spent = EntryEffects.nothing(x[walk.rows]), walk.value, 2
        for number, (size, refreshed) in enumerate(self.rounds()):
            kept = ~best.broken[walk.rows] & ~self._hopeless(began, walk.value, spent)
            walk, effects, began = walk.only(kept), effects.only(kept), began[kept]
            if not len(walk.rows):
                break
            if refreshed:
                look(oracle, walk, best)
            changes = max(1, min(self.most_after(spent), most_entries(x[0].numel(), self.most)))
            self._learning_round(oracle, walk, effects, x, ball, rng.fold("round", number), size, changes, best)
            spent += size + refreshed
        return best.inputs

    def _hopeless(self, began: Tensor, value: Tensor, spent: int) -> Tensor:
        """Which rows ``(m,)`` bool would not fall at their mean pace. began, value: margins ``(m,)`` at first and now."""
        pace = (value - began) / spent
        return (value + pace * (self.queries - spent) < 0) & (spent >= self.patience)

    def _learning_round(
        self,
        oracle: Oracle,
        walk: Walk,
        effects: EntryEffects,
        x: Tensor,
        ball: NormBall,
        rng: KeyedRng,
        size: int,
        most: int,
        best: Best,
    ) -> None:
        """One round of ``size`` candidates per row, a few rows at a time, from which ``effects`` learn."""
        guided = min(self.by_gradient, size)
        for part in torch.arange(len(walk.rows), device=x.device).split(max(1, ENTRIES // (size * x[0].numel()))):
            here, known, streams = walk.only(part), effects.only(part), rng.rows(walk.rows[part])
            far = far_side(here.point, x[here.rows], ball.rows(here.rows))
            step = (far - here.point).flatten(1)
            promise = known.promise(step, here.gradient.flatten(1), self.trust)
            followed = drawn(promise, guided, guided, most, streams, sharpness=self.sharpness).chosen(step.shape[1])
            squares = patches((step > 0).view_as(far), size - guided, streams).flatten(2)
            changed = torch.cat((followed, squares), 1)
            candidates = torch.where(changed.view(len(part), size, *far.shape[1:]), far[:, None], here.point[:, None])
            answer = oracle.query(candidates.flatten(0, 1), here.rows.repeat_interleave(size), grad=False)
            known.learn(changed, step, numbers(answer.value).view(len(part), size) - here.value[:, None])
            effects.put(part, known)
            chosen, picked = best_of(candidates, answer)
            move(here, chosen, picked, best)
            walk.point[part], walk.value[part] = here.point, here.value

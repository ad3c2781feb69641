"""The corner search, made to get farther per forward: it learns, it moves squares, and it gives up where it must.

Where walks along gradients have ended, few candidates of :class:`~attacks.corners.Corners` are better than the point that
they come from, and the gradient hardly helps to choose them. So here

- what each entry is worth is learnt from all candidates (:mod:`attacks.entry_effects`), with the gradient as a prior, and
  half of the candidates follow that;
- the other half move small squares (:mod:`attacks.learning_moves`);
- the number of entries that change falls as the search goes on, because large moves stop helping first;
- a row leaves when at its mean pace so far it would not fall within its queries. Paces slow down, so that this is generous;
  what it saves is spent on the rows that are near.

``python -m reports.corner_searches`` takes one of these away at a time. In l2, of what walks and Square leave of validation
images at 0.25, two searches of 3,000 break 12 of 29 on snn_srp, where two of plain corners break 6 in equal CPU time; and 9
of 46 on ann_qcfs, where two of plain corners break 8 in more than twice the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.corner_moves import MOVES, most_entries
from attacks.corner_walk import Walk, best_of, look, move, numbers
from attacks.corners import ENTRIES, Corners
from attacks.entry_effects import EntryEffects
from attacks.learning_moves import LEARNING_MOVES, LearningDraw, LearningMoves
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds, entry_for

FEWEST_AT_LAST = 8
"""The largest number of entries that a move may change is never less."""


@dataclass(frozen=True)
class Start:
    """Of m rows before the first round. value: margins ``(m,)`` there. clean: margins ``(m,)`` of the clean inputs, or what
    stands for them where they do not matter.
    """

    value: Tensor
    clean: Tensor

    def only(self, kept: Tensor) -> Start:
        """Of some rows, given as bool ``(m,)``."""
        return Start(self.value[kept], self.clean[kept])


@dataclass(frozen=True, kw_only=True)
class LearningCorners(Corners):
    """Corner search in linf, and its counterpart in l2. Images ``(n, C, H, W)`` only.

    queries: the most forwards per sample; many samples leave before. candidates, refresh: see the base. guided: share of
    the candidates that follow what is learnt; the others are squares. most: the largest number of entries that a candidate
    changes, at first. halving: forwards in which it halves. sharpness: see :func:`~attacks.corner_moves.drawn`. trust: in
    the gradient, see :meth:`EntryEffects.promise <attacks.entry_effects.EntryEffects.promise>`. patience: forwards before a
    row may be given up.
    Raises ``ValueError`` for values that make no sense.
    """

    threats: ClassVar[ThreatKinds] = tuple(LEARNING_MOVES)

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
        walk = walk.only(~best.broken[walk.rows])
        start, effects = self._start(oracle, x, walk), EntryEffects.nothing(x[walk.rows])
        moves, spent = entry_for(threat, LEARNING_MOVES), self.at_first
        for number, (size, refreshed) in enumerate(self.rounds()):
            kept = ~best.broken[walk.rows] & ~self._hopeless(start, walk.value, spent)
            walk, effects, start = walk.only(kept), effects.only(kept), start.only(kept)
            if not len(walk.rows):
                break
            if refreshed:
                look(oracle, walk, best)
            most = max(1, min(self.most_after(spent), most_entries(x[0].numel(), self.most)))
            draw = LearningDraw(size, min(self.by_gradient, size), most, self.sharpness, self.trust)
            self._learning_round(oracle, walk, effects, x, ball, moves, rng.fold("round", number), draw, best)
            spent += size + refreshed
        return best.inputs

    def _start(self, oracle: Oracle, x: Tensor, walk: Walk) -> Start:
        """What is known of the rows before the first round."""
        return Start(walk.value, walk.value)

    def _allowed(self, start: Start, value: Tensor) -> Tensor:
        """Forwards before a row may be given up, ``(m,)``. value: margins ``(m,)`` now."""
        return torch.full_like(value, self.patience)

    def _hopeless(self, start: Start, value: Tensor, spent: int) -> Tensor:
        """Which rows ``(m,)`` bool are given up: at their mean pace they would not fall. value: margins ``(m,)`` now."""
        pace = (value - start.value) / spent
        return (value + pace * (self.queries - spent) < 0) & (spent >= self._allowed(start, value))

    def _learning_round(
        self,
        oracle: Oracle,
        walk: Walk,
        effects: EntryEffects,
        x: Tensor,
        ball: NormBall,
        moves: LearningMoves,
        rng: KeyedRng,
        draw: LearningDraw,
        best: Best,
    ) -> None:
        """One round of candidates, a few rows at a time, from which ``effects`` learn."""
        at_once = max(1, ENTRIES // (draw.size * x[0].numel()))
        for part in torch.arange(len(walk.rows), device=x.device).split(at_once):
            here, known = walk.only(part), effects.only(part)
            around, streams = ball.rows(here.rows), rng.rows(here.rows)
            tried = moves(here.point, x[here.rows], around, here.gradient, known, draw, streams)
            answer = oracle.query(tried.points.flatten(0, 1), here.rows.repeat_interleave(draw.size), grad=False)
            rise = numbers(answer.value).view(len(part), draw.size) - here.value[:, None]
            known.learn(tried.changed, tried.step, rise)
            effects.put(part, known)
            chosen, picked = best_of(tried.points, answer)
            move(here, chosen, picked, best)
            walk.point[part], walk.value[part] = here.point, here.value

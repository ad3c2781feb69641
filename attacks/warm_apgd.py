"""Auto-PGD from the best point so far, in cycles, none of which throws away what the one before has reached.

A walk of :class:`~attacks.apgd.APGD` begins at random and halves its step until it can move no more. Each cycle here begins
where the best one has ended, with a long step again: the first at the point that earlier stages of a set have reached
(:attr:`Oracle.inherited <attacks.oracle.Oracle.inherited>`), or at random where there is none. On scores of image quality,
whose surface is smooth and whose maximum lies far from most random points, this gets farther than restarts of the same
cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from attacks.apgd import APGD
from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall


@dataclass(frozen=True, kw_only=True)
class WarmAPGD(APGD):
    """APGD whose cycles begin at the best point so far.

    restarts: number of cycles. first_step: the step at the beginning of a cycle, in radii (APGD: 2).
    Raises ``ValueError`` for a step that is not positive.
    """

    inherits: ClassVar[bool] = True

    first_step: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.first_step > 0:
            raise ValueError(f"first_step must be positive, got {self.first_step}")

    @property
    def longest_step(self) -> float:
        """``first_step``."""
        return self.first_step

    def start(
        self, oracle: Oracle, x: Tensor, threat: NormBall, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> Tensor:
        """The best point of the cycles before; before the first one the inherited point, or a random one. See the base."""
        if not first:
            return best.inputs[rows]
        if oracle.inherited is None:
            return super().start(oracle, x, threat, rng, rows, best, first=first)
        return threat.rows(rows).project(oracle.inherited[rows], x[rows])

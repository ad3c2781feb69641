"""What all gradient walks share: restarts on the samples that stand, an objective, a target, the best point kept."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from torch import Tensor

from attacks.base import Attack
from attacks.best_so_far import Best
from attacks.fitting import Traits
from attacks.objectives import objective_named, unless_scoring
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.targets import Target, targets
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds

Ball = TypeVar("Ball", bound=Threat)


@dataclass(frozen=True, kw_only=True)
class Walks(Attack, Generic[Ball]):
    """Walks from one or more starts, each on the samples that the ones before left standing.

    steps: gradient steps per start. restarts: number of starts.
    objective: a name in :data:`~attacks.objectives.OBJECTIVES`; None maximises whatever the oracle was made with.
    target: None, or how the class to aim at is chosen (see :mod:`attacks.targets`). With ``ranked``, restart k aims
        at the k-th most likely wrong class, so ``apgd:objective=dlr,target=ranked,restarts=9`` is APGD-T.
    Raises ``ValueError`` for negative steps, restarts below 1, and an unknown objective.
    """

    steps: int = 10
    restarts: int = 1
    objective: str | None = None
    target: Target | None = None

    def __post_init__(self) -> None:
        if self.steps < 0 or self.restarts < 1:
            raise ValueError(f"steps must be at least 0 and restarts at least 1, got {self.steps} and {self.restarts}")
        if self.objective is not None:
            objective_named(self.objective)

    def cost(self) -> tuple[int, int]:
        """A gradient per step and a last look per start, and one forward to choose targets."""
        choosing = 0 if self.target is None else 1
        return self.restarts * (self.steps + 1) + choosing, self.restarts * self.steps

    def misfit_of_model(self, traits: Traits) -> str | None:
        """As in the base; besides, on a score, an objective that needs classes, and a target."""
        reason = super().misfit_of_model(traits)
        if reason is not None or not traits.scores:
            return reason
        aimed = None if self.target is None else f"A score has no classes to aim at: leave target={self.target} out"
        return unless_scoring(type(self).__name__, self.objective) or aimed

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The input ``(n, ...)`` of the highest objective over all walks, or the first that broke a row. See the base."""
        self.require_fit(oracle, x, threat)
        ball = self.ball(threat)
        if self.objective is not None:
            oracle = oracle.using(objective=objective_named(self.objective))
        classes = None if self.target is None else targets(oracle, self.target, x, rng)
        best = Best.starting_at(x)
        for restart in range(self.restarts):
            rows = self.going_on(best)
            if not len(rows):
                break
            oracle.forget(rows)
            if classes is not None:
                oracle = oracle.using(target=classes[:, restart % classes.shape[1]])
            self.walk(oracle, x, ball, rng.fold("start", restart), rows, best, first=restart == 0)
        return best.inputs

    def going_on(self, best: Best) -> Tensor:
        """Rows ``(m,)`` that the next start is for."""
        return best.standing()

    @abstractmethod
    def ball(self, threat: Threat) -> Ball:
        """``threat`` as what the walks need. Raises ``ValueError`` if it is not."""

    @abstractmethod
    def walk(self, oracle: Oracle, x: Tensor, threat: Ball, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool) -> None:
        """Walk from one start for ``rows`` of ``x`` and record every queried point in ``best``.

        x: ``(n, ...)``; threat and rng, too, are for all samples. rows: ``(m,)``. first: whether this is the first start.
        """


@dataclass(frozen=True, kw_only=True)
class RestartedAttack(Walks[NormBall]):
    """Walks in the ball of a norm."""

    threats: ClassVar[ThreatKinds] = (NormBall,)

    def ball(self, threat: Threat) -> NormBall:
        """The ball of its norm."""
        return as_norm_ball(threat)

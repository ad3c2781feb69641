"""The contract of an attack: a frozen configuration with one method.

An attack is a search rule and nothing else. Counting queries, averaging over
random draws, gradient paths and the access it is allowed belong to the oracle; the
threat's ball and box are verified again by whoever scores the result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from torch import Tensor

from attacks.gradients.base import GradientPath
from attacks.objectives import Objective
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.score_objectives import Scoring
from attacks.threats.threat import Threat, ThreatKinds

Access = Literal["none", "white-box", "score", "decision"]
Kind = Literal["budget", "minimal"]


@dataclass(frozen=True)
class Stage:
    """One search of a cascade: an attack, and the gradient path it goes along.

    name: shown where a record says what broke a sample. path, objective: None for the oracle's own.
    """

    name: str
    attack: Attack
    path: GradientPath | None = None
    objective: Objective | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Base of all attacks. Parameters are dataclass fields, so a spec can name them."""

    threats: ClassVar[ThreatKinds] = (Threat,)
    """Kinds of threat under which it can work."""
    access: ClassVar[Access] = "white-box"
    kind: ClassVar[Kind] = "budget"
    batch_invariant: ClassVar[bool] = True
    moves_scores: ClassVar[bool] = True
    """Whether it also works on a model that scores; False where it needs classes."""

    @abstractmethod
    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """Perturbed inputs ``(n, ...)`` for clean inputs ``x`` ``(n, ...)``.

        oracle: answers for the rows ``0 .. n-1`` of ``x``.
        rng: one random stream per row of ``x``.
        Never touches the model's parameters, buffers, mode or ``.grad``, nor global random state.
        """

    @abstractmethod
    def cost(self) -> tuple[int, int]:
        """(forwards, backwards) spent on a sample that survives everything."""

    def stages(self, *, spiking: bool, threat: type[Threat], coded: bool = False) -> tuple[Stage, ...]:
        """What is run one after another, each on the samples that the ones before left standing; one stage, mostly.

        spiking: whether the model has layers that take a gradient path. threat: the kind of threat.
        coded: whether the model's encoder takes a coding.
        """
        return (Stage("", self),)

    def check(self, threat: Threat) -> None:
        """Raise ``ValueError`` if the attack cannot work under ``threat``."""
        if not isinstance(threat, self.threats):
            known = " and ".join(kind.name for kind in self.threats)
            raise ValueError(f"{type(self).__name__} attacks in {known}, not in {threat.name}")

    def check_scores(self) -> None:
        """Raise ``ValueError`` if it cannot attack a model that answers scores."""
        if not self.moves_scores:
            raise ValueError(f"{type(self).__name__} looks for a change of class, and a score has none")

    def check_task(self, oracle: Oracle) -> None:
        """:meth:`check_scores` if it is a score that the oracle wants moved."""
        if isinstance(oracle.objective, Scoring):
            self.check_scores()

"""The contract of a judge: clean answers, answers under noise, and outcomes of adversarial inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from attacks.lattice import Lattice
from attacks.noise import UniformNoise
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.foundation.spec import Eps
from bench.tasks.unit import NoiseAnswers, StageOutcome


@dataclass(frozen=True)
class Shard:
    """A range of samples on the device, with one random stream each.

    x: inputs ``(n, ...)``. labels: of the data set, ``(n,)``. reference: the answers from which
    attacks move away, ``(n,)``: the labels of a model that decides, the clean scores of a model that scores.
    """

    x: Tensor
    labels: Tensor
    ids: list[int]
    rng: KeyedRng
    reference: Tensor


def noisy(x: Tensor, threat: Threat, rng: KeyedRng, lattice: Lattice) -> Tensor:
    """One draw of uniform noise on ``x`` ``(n, ...)``, at allowed values."""
    return lattice.nearest(UniformNoise().draw(x, threat, rng), x, threat)


class Judge(Protocol):
    """Judges the answers of one task."""

    @property
    def objective(self) -> Objective:
        """The objective of an attack that has none of its own."""
        ...

    def clean(self, shard: Shard) -> Any:
        """Answers without any attack, given twice: the task's kind of :class:`~bench.tasks.unit.CleanAnswers`.

        Raises ``ModelError`` if too many differ.
        """
        ...

    def ready(self, shard: Shard, clean: Any) -> Shard:
        """The shard with its reference answers set."""
        ...

    def noise(self, shard: Shard, clean: Any, eps: Eps, draws: int) -> NoiseAnswers:
        """Answers under uniform noise of size ``eps``; for every number of draws up to ``draws`` the worst among them."""
        ...

    def standing(self, clean: Any, done: Sequence[Any]) -> list[int]:
        """Positions in the shard that the next stage attacks. done: outcomes of the stages before it."""
        ...

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> StageOutcome:
        """The outcome of the inputs ``adv`` ``(m, ...)`` for the positions ``rows`` of a shard, with costs of zero.

        x: clean inputs ``(m, ...)``. reference: ``(m,)``. Inputs are verified and scored independently of the attack.
        """
        ...

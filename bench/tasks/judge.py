"""What the evaluator asks of a judge: clean answers, answers under noise, and what adversarial inputs did."""

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

    x: inputs ``(n, ...)``. labels: of the data set, ``(n,)``. reference: what an attack moves the answer away from,
    ``(n,)``: the labels of a model that decides, the clean scores of a model that scores.
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
    """One kind of answers."""

    @property
    def objective(self) -> Objective:
        """What an attack maximises unless it says otherwise."""
        ...

    def clean(self, shard: Shard) -> Any:
        """Answers without any attack, given twice: the task's kind of :class:`~bench.tasks.unit.CleanAnswers`.

        Raises ``ModelError`` if too many differ.
        """
        ...

    def ready(self, shard: Shard, clean: Any) -> Shard:
        """The shard with its reference."""
        ...

    def noise(self, shard: Shard, clean: Any, eps: Eps, draws: int) -> NoiseAnswers:
        """Answers under uniform noise of size ``eps``, draw by draw the worst so far."""
        ...

    def standing(self, clean: Any, done: Sequence[Any]) -> list[int]:
        """Positions in the shard that the next stage is for. done: outcomes of the stages before it."""
        ...

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> StageOutcome:
        """What the inputs ``adv`` ``(m, ...)`` did to the positions ``rows`` of a shard: an outcome that has cost nothing.

        x: clean inputs ``(m, ...)``. reference: ``(m,)``. Nothing that an attack says of itself is believed.
        """
        ...

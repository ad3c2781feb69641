"""What the evaluator asks of a judge: clean answers, answers under noise, and what adversarial images did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from attacks.base import Stage
from attacks.levels import nearest
from attacks.noise import UniformNoise
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.threat import Threat
from bench.foundation.spec import Eps
from bench.tasks.classification.stages import Unit


@dataclass(frozen=True)
class Shard:
    """A range of samples on the device, with one random stream each.

    labels: of the data set. reference: what an attack moves the answer away from, ``(n,)``: the labels of a model that
    decides, the clean scores of a model that scores.
    """

    x: Tensor
    labels: Tensor
    ids: list[int]
    rng: KeyedRng
    reference: Tensor


def noisy(x: Tensor, threat: Threat, rng: KeyedRng, *, eight_bit: bool) -> Tensor:
    """One draw of uniform noise on ``x`` ``(n, ...)``, rounded if images of 8 bits are asked for."""
    drawn = UniformNoise().draw(x, threat, rng)
    return nearest(drawn, x, threat) if eight_bit else drawn


class Judge(Protocol):
    """One kind of answers."""

    @property
    def objective(self) -> Objective:
        """What an attack maximises unless it says otherwise."""
        ...

    def clean(self, shard: Shard) -> Unit:
        """Answers without any attack, given twice. Raises ``ModelError`` if too many differ."""
        ...

    def ready(self, shard: Shard, clean: Unit) -> Shard:
        """The shard with its reference."""
        ...

    def noise(self, shard: Shard, clean: Unit, eps: Eps, draws: int) -> Unit:
        """Answers under uniform noise of size ``eps``, draw by draw the worst so far."""
        ...

    def standing(self, clean: Unit, done: list[Unit]) -> list[int]:
        """Positions in the shard that the next stage is for."""
        ...

    def scored(self, adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng) -> Unit:
        """One entry per image: status, norm, answers on the image and on its 8-bit version, hash."""
        ...

    def combined(self, stages: Sequence[Stage], units: list[Unit]) -> Unit:
        """One entry per attacked row from those of all stages."""
        ...

    def shown(self, stages: Sequence[Stage], unit: Unit) -> Mapping[str, list[list[int]]]:
        """Which images are kept: an ending for the file's name to, stage by stage, the positions taken from it."""
        ...

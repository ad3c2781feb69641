"""A request: what a caller asked for with every name resolved, as everything after it takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attacks.base import Stage
from attacks.gradients.base import GradientPath
from attacks.lattice import EightBit, Lattice, RealNumbers
from bench.data.base import Samples
from bench.evaluation.request.attack_specs import ResolvedAttack
from bench.foundation.spec import Eps
from bench.models.subject import Subject

if TYPE_CHECKING:
    from bench.tasks.task import Task


@dataclass(frozen=True)
class Request:
    """Everything that determines the rows.

    stages: what each attack runs on this model, in order. shard_rows: most samples of one unit.
    eight_bit: whether what is handed over, of attacks and of noise, is an image of 8 bits.
    """

    task: Task
    subject: Subject
    samples: Samples
    attacks: tuple[ResolvedAttack, ...]
    stages: tuple[tuple[Stage, ...], ...]
    path_spec: str
    path: GradientPath
    norm: str
    eps: tuple[Eps, ...]
    seed: int
    eot: int
    scorings: int
    device: torch.device
    micro_batch: int
    eight_bit: bool
    shard_rows: int

    @property
    def lattice(self) -> Lattice:
        """The values that what is handed over may take."""
        return EightBit() if self.eight_bit else RealNumbers()

    @property
    def settings(self) -> dict[str, Any]:
        """Knobs that change rows. ``eight_bit`` is named only where it was asked for: records made before there was such
        a setting keep their identity."""
        return {"eot": self.eot, "scorings": self.scorings} | ({"eight_bit": True} if self.eight_bit else {})

    @property
    def noise_draws(self) -> int:
        """Draws of noise that every sample gets: the most that some attack is compared with."""
        return max(attack.noise_draws for attack in self.attacks)

    @property
    def shards(self) -> tuple[range, ...]:
        """Sample positions, shard by shard."""
        n = len(self.samples)
        return tuple(range(start, min(start + self.shard_rows, n)) for start in range(0, n, self.shard_rows))

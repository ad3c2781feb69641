"""Defenses that keep membrane potentials away from where a surrogate lets gradients pass.

    L = CE(f(x), y) + weight * mean over layers of penalty(x_l),     x_l = (u_l - threshold_l) / threshold_l,

with u the membrane potential before the reset, scale per time step and noise included. Spikes count as constants in it, so
that a penalty moves potentials through time and not through the reset. In adversarial training x is first replaced by an
adversarial example.

Such a penalty makes the surrogate's gradient small wherever it succeeds. A network that is hard to attack along its own
surrogate for that reason alone only masks its gradient, and an attacker who chooses another width sees through it: judge
these models under ``standard``, not under one path.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.adversarial import AgainstExamples
from zoo.spiking.membrane import driving_currents, potential_of


@dataclass(frozen=True, kw_only=True)
class PotentialPenalty(AgainstExamples):
    """Cross-entropy plus ``weight`` times a penalty on the distances of potentials from the threshold.

    weight: of the penalty's mean over layers, not negative.
    eps, steps, start, examples: by which inputs are first replaced; see
        :class:`~zoo.defenses.adversarial.AgainstExamples`. Without them training is clean.
    """

    weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weight >= 0:
            raise ValueError(f"the weight of a penalty must not be negative, got {self.weight}")

    @abstractmethod
    def penalty(self, distance: Tensor) -> Tensor:
        """Penalty of a layer, a scalar.

        distance: of its potentials from the threshold, ``(T, n, ...)``, in units of the threshold.
        """

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy plus penalty, a scalar, and the logits ``(n, K)`` of the images they are taken on.

        Raises ``ValueError`` for a model without spiking layers.
        """
        x = self.trained_on(model, x, y, generator=generator)
        with driving_currents(model) as collected:
            logits: Tensor = model(x)
        penalties = []
        for layer, current in collected:
            # Statistics of bfloat16 numbers are taken in float32.
            precise = current.to(torch.promote_types(current.dtype, torch.float32))
            threshold = layer.dynamics.threshold
            penalties.append(self.penalty((potential_of(precise, layer.dynamics) - threshold) / threshold))
        return F.cross_entropy(logits, y) + self.weight * torch.stack(penalties).mean(), logits

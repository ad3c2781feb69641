"""Robust stable SNNs (Ding et al., ICML 2024, arXiv 2405.20694): a perturbed image should move
the membrane potentials of the last spiking layer as little as possible.

    L = share * CE(f(x), y) + (1 - share) * CE(f(x'), y) + weight * mean(e^2)

or the mean of its magnitude, ``|e|``, as in the total-variation form of its successor (MPPD-TV, ICLR 2026),

with e the reset-free difference of potentials (see :mod:`zoo.spiking.membrane`), averaged over
time, batch and units. As in the released code, its clean branch is detached, and the currents
are those before the neurons' scale per time step. Neurons with such a learnable scale
(``input_scale`` of :class:`~zoo.spiking.neurons.LIF`) are the other half of the method.

Deviation: by default adversarial examples start from a uniform random point of the ball and stay in it. The released code
takes one step of sign ascent from the image with normal noise of standard deviation 0.001, and does not project, which is
``start: noise``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.adversarial import AgainstExamples
from zoo.defenses.gaussian_noise import noisy
from zoo.spiking.filters import leaky_sum
from zoo.spiking.membrane import currents, last_spiking


@dataclass(frozen=True, kw_only=True)
class MembraneStability(AgainstExamples):
    """Cross-entropy of clean and perturbed images plus ``weight`` times the mean-square membrane perturbation.

    share: weight of the clean images, in [0, 1].
    eps, steps, start, examples: how inputs are perturbed; see :class:`~zoo.defenses.adversarial.AgainstExamples`. Without
        them by Gaussian noise of standard deviation ``std``, in [0, 1] pixel units.
    penalty: ``absolute`` for the total-variation form, whose published weights are 2.5 to 3.5.
    The logits returned are those of the clean images.
    """

    weight: float = 1.0
    share: float = 0.5
    std: float = 8 / 255
    penalty: Literal["squared", "absolute"] = "squared"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.weight >= 0 and self.std >= 0 and 0 <= self.share <= 1):
            raise ValueError(
                f"weight and std must not be negative and share must lie in [0, 1], "
                f"got {self.weight}, {self.std} and {self.share}"
            )
        if self.penalty not in ("squared", "absolute"):
            raise ValueError(f"penalty must be 'squared' or 'absolute', not {self.penalty!r}")

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy plus penalty, a scalar, and the logits ``(n, K)`` of the clean inputs ``x`` ``(n, ...)``."""
        crafting = self.crafting
        other = noisy(x, self.std, generator) if crafting is None else crafting.craft(model, x, y, generator=generator)
        layer = last_spiking(model)
        with currents(layer) as layer_currents:
            clean: Tensor = model(x)
            perturbed: Tensor = model(other)
        difference = layer_currents[0].detach() - layer_currents[1]
        perturbation = leaky_sum(difference, layer.dynamics.decay)
        penalty = perturbation.square().mean() if self.penalty == "squared" else perturbation.abs().mean()
        entropy = self.share * F.cross_entropy(clean, y) + (1 - self.share) * F.cross_entropy(perturbed, y)
        return entropy + self.weight * penalty, clean

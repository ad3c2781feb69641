"""The statistic of membrane perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from bench.data.base import Samples
from bench.foundation.spec import parse_eps
from bench.metrics.statistics import Floats
from bench.studies.claims.lab import Lab
from bench.studies.claims.statistic import Measured, Statistic, paired
from zoo.defenses.adversarial import ascend
from zoo.spiking.membrane import membrane_perturbation

BATCH = 100


class MembranePerturbation(Statistic):
    """Mean-square perturbation of the last spiking layer's potentials, first model minus second, in squared thresholds.

    Each model is perturbed by its own adversarial examples, or both by the same noise.
    """

    eps: str
    """linf radius."""
    perturbation: Literal["noise", "pgd"] = "noise"
    """Uniform noise, or PGD with 10 steps through the model's own surrogate."""
    which: Literal["true", "reset_free"] = "true"
    """Potentials with their resets, or the reset-free difference that training penalises."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.perturbations(model, lab) for model in models)
        parts = {model: round(float(values.mean()), 5) for model, values in zip(models, (first, second), strict=True)}
        return paired(first, second, parts)

    def perturbations(self, model: str, lab: Lab) -> Floats:
        """Mean-square perturbations ``(n,)``, in squared thresholds."""
        what = {"membrane": [self.perturbation, self.which, self.eps], "seed": self.seed}
        samples = lab.samples(model, self.n)
        return lab.stored(what, model, self.n, lambda: self._computed(lab.module(model), samples, lab.device))

    def _computed(self, model: nn.Module, samples: Samples, device: str) -> Floats:
        (radius,) = parse_eps(self.eps, norm="linf")
        mean_squares = []
        for start in range(0, len(samples), BATCH):
            part = samples[start : start + BATCH]
            x, y = part.images.to(device), part.labels.to(device)
            if self.perturbation == "noise":
                rng = KeyedRng.of(self.seed, part.ids.to(device)).fold("membrane")
                perturbed = Linf(eps=radius.value).random(x, rng)
            else:
                perturbed = self._attacked(model, x, y, radius.value, start)
            mean_squares.append(getattr(membrane_perturbation(model, x, perturbed), self.which).double().cpu().numpy())
        return np.concatenate(mean_squares)

    def _attacked(self, model: nn.Module, x: Tensor, y: Tensor, eps: float, start: int) -> Tensor:
        return ascend(
            model,
            x,
            lambda logits: F.cross_entropy(logits, y, reduction="sum"),
            eps=eps,
            steps=10,
            step_size=None,
            generator=torch.Generator(x.device).manual_seed(self.seed * 100_003 + start),
        )

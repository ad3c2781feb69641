"""Statistics of the input gradient: its sparsity, and its agreement with a finite difference of the forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from bench.data.base import Samples
from bench.metrics.statistics import Floats, mean_interval
from bench.studies.claims.lab import Lab
from bench.studies.claims.statistic import Measured, Statistic, paired
from zoo.defenses.gradient_sparsity import label_probability, runner_up, slope_check

BATCH = 100


class GradientSparsity(Statistic):
    """Effective share of pixels in the gradient of the label's probability, first model minus second.

    ``|g|_1^2 / (d |g|_2^2)`` lies between 1/d, for one pixel, and 1, for d equal pixels. Times 3 d it is, to first order,
    the ratio of the worst squared change in a linf ball to the mean one under uniform noise (Liu et al., ICML 2024).
    The gradient is that of the model's own surrogate.
    """

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        first, second = (self.share(model, lab) for model in models)
        parts = {model: round(float(values.mean()), 4) for model, values in zip(models, (first, second), strict=True)}
        return paired(first, second, parts)

    def share(self, model: str, lab: Lab) -> Floats:
        """Effective shares ``(n,)``; 0 where the gradient is zero everywhere."""
        samples = lab.samples(model, self.n)
        return lab.stored(
            {"gradient sparsity": 1}, model, self.n, lambda: effective_share(lab.module(model), samples, lab.device)
        )


class SlopeError(Statistic):
    """Error of the finite difference against the gradient's l1 norm, relative to the mean of the norm, of one model."""

    takes: ClassVar[int] = 1

    h: float = Field(gt=0)
    """Length of the finite difference, in [0, 1] pixel units."""

    def measure(self, models: Sequence[str], lab: Lab) -> Measured:
        """The statistic for these models; see :meth:`.Statistic.measure`."""
        samples = lab.samples(models[0], self.n)
        slope_pair = lab.stored(
            {"slopes": self.h}, models[0], self.n, lambda: slopes(lab.module(models[0]), samples, self.h, lab.device)
        )
        surrogate, finite = slope_pair
        error = mean_interval(np.abs(finite - surrogate) / surrogate.mean())
        parts = {
            "surrogate": round(float(surrogate.mean()), 3),
            "finite": round(float(finite.mean()), 3),
            "finite, magnitude": round(float(np.abs(finite).mean()), 3),
        }
        return Measured(error.value, error.low, error.high, error.n, parts)


def effective_share(model: nn.Module, samples: Samples, device: str) -> Floats:
    """``|g|_1^2 / (d |g|_2^2)`` per sample, ``(n,)``; see :class:`GradientSparsity`."""
    shares = []
    for x, y in _batches(samples, device):
        leaf = x.requires_grad_()
        logits = model(leaf)
        f = label_probability(logits, y, runner_up(logits.detach(), y), "two_class")
        gradient = torch.autograd.grad(f.sum(), leaf)[0].flatten(1).double()
        square = gradient.square().sum(1)
        share = gradient.abs().sum(1).square() / square.clamp_min(torch.finfo(torch.float64).tiny) / gradient.shape[1]
        shares.append(share.where(square > 0, 0.0).cpu().numpy())
    return np.concatenate(shares)


def slopes(model: nn.Module, samples: Samples, h: float, device: str) -> Floats:
    """The gradient's l1 norm and the finite difference, ``(2, n)``."""
    slope_pairs = []
    for x, y in _batches(samples, device):
        check = slope_check(model, x, y, h=h)
        slope_pairs.append(torch.stack([check.surrogate, check.finite]).double().cpu().numpy())
    return np.concatenate(slope_pairs, 1)


def _batches(samples: Samples, device: str) -> list[tuple[Tensor, Tensor]]:
    parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    return [(part.images.to(device), part.labels.to(device)) for part in parts]

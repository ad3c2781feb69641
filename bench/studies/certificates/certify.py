"""A certificate for each of the first samples of a data set, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from attacks.randomness import KeyedRng
from bench.data.base import Samples
from bench.evaluation.request.resolve import device_named, samples_of
from bench.foundation.errors import SpecError
from bench.metrics.statistics import Estimate, mean
from bench.models.borrowing import borrowed
from bench.models.opening import open_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.probe import probed
from bench.models.scorer import BATCH, Scorer
from bench.studies.certificates.bounds import ABSTAINED, certified_accuracy, largest_radius, linf_radius, radius
from bench.studies.certificates.smoothing import counts

RADII = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 0.75, 1.0, 1.5)
"""l2 radii of the table."""


@dataclass(frozen=True)
class Smoothing:
    """How a model is smoothed.

    sigma: deviation of the noise, in [0, 1] pixel units. draws: that bound the probability. choosing: draws, others than
    these, that choose the class. alpha: chance that a certificate is wrong. Raises ``SpecError`` for values without sense.
    """

    sigma: float
    draws: int = 1000
    choosing: int = 100
    alpha: float = 0.001

    def __post_init__(self) -> None:
        if not self.sigma > 0 or not 0 < self.alpha < 0.5:
            raise SpecError(
                f"Noise of {self.sigma} and a chance of {self.alpha} give no certificate.",
                "Choose sigma above 0, and alpha between 0 and 0.5.",
            )
        if min(self.draws, self.choosing) < 1:
            raise SpecError("A certificate needs draws.", "Choose at least 1, and some hundreds for a radius.")
        if not largest_radius(self.draws, sigma=self.sigma, alpha=self.alpha):
            raise SpecError(
                f"{self.draws} draws cannot certify anything at alpha {self.alpha}, even if all agree.", "Give more draws."
            )


@dataclass(frozen=True)
class Certificate:
    """What is certified of each sample.

    rows: ``sample``, ``label``, ``answer`` of the smoothed model (-1: it abstains), ``hits`` among the draws, l2 ``radius``,
    and the ``linf`` radius that follows from it. clean: accuracy of the model itself, without noise.
    """

    model: str
    samples: Samples
    smoothing: Smoothing
    rows: pd.DataFrame
    clean: Estimate

    def accuracy(self, at: float) -> Estimate:
        """Share of samples that are right and certified within the l2 radius ``at``, with its 95% interval."""
        answers, labels = (self.rows[name].to_numpy() for name in ("answer", "label"))
        right = (answers == labels).astype(np.float64)
        return mean(certified_accuracy(right, self.rows["radius"].to_numpy(float), at))

    @property
    def abstained(self) -> int:
        """Samples without an answer."""
        return int((self.rows["answer"] == ABSTAINED).sum())

    @property
    def dimension(self) -> int:
        """Numbers of an input."""
        return math.prod(self.samples.shape[1:])


def certify(
    model: str | nn.Module,
    smoothing: Smoothing,
    *,
    n: int = 100,
    data: str | tuple[torch.Tensor, torch.Tensor] | None = None,
    seed: int = 0,
    stochastic: bool = False,
    device: str = "cpu",
    batch: int | None = None,
    prepare: Preparation = NOTHING,
    on_draw: Callable[[], None] = lambda: None,
) -> Certificate:
    """Certify the smoothed ``model`` on the first ``n`` test samples (Cohen et al., Algorithm CERTIFY).

    model, data, stochastic, batch, prepare: as for :func:`bench.evaluate`. on_draw: called after each draw of all samples.
    Raises ``SpecError`` for a model that does not decide, and a ``BenchError`` as :func:`bench.evaluate` does.
    """
    target = device_named(device)
    with borrowed(model):
        subject = open_subject(model, stochastic=stochastic, prepare=prepare)
        if subject.task not in (None, "classification"):
            raise SpecError(
                f"{subject.ref} is for {subject.task}, and certificates are about classes.", "Give a model that decides."
            )
        subject.module.to(target)
        samples = samples_of(data if data is not None else subject.dataset, "test", n)
        ready = probed(subject, samples.shape[1:], prepare, batch=batch or BATCH, device=target)
        scorer = Scorer(ready.subject.deciding, subject.ref, batch=ready.batch)
        x, labels = samples.images.to(target), samples.labels
        rng = KeyedRng.of(seed, samples.ids.to(target))
        clean = scorer.logits(x, rng.fold("clean")).argmax(1).cpu() == labels
        chosen, votes = (
            counts(scorer, x, rng.fold(phase), sigma=smoothing.sigma, draws=draws, on_draw=on_draw).cpu()
            for phase, draws in (("choosing", smoothing.choosing), ("bounding", smoothing.draws))
        )
    answers = chosen.argmax(1)
    hits = votes.gather(1, answers[:, None])[:, 0].tolist()
    radii = [radius(each, smoothing.draws, sigma=smoothing.sigma, alpha=smoothing.alpha) for each in hits]
    rows = _rows(samples, answers.tolist(), hits, radii)
    return Certificate(subject.ref, samples, smoothing, rows, mean(clean.double().numpy()))


def _rows(samples: Samples, answers: Sequence[int], hits: Sequence[int], radii: Sequence[float]) -> pd.DataFrame:
    dimension = math.prod(samples.shape[1:])
    return pd.DataFrame(
        {
            "sample": samples.ids.tolist(),
            "label": samples.labels.tolist(),
            "answer": [answer if within else ABSTAINED for answer, within in zip(answers, radii, strict=True)],
            "hits": hits,
            "radius": radii,
            "linf": [linf_radius(within, dimension) for within in radii],
        }
    )

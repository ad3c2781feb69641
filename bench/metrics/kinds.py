"""Rank correlation per type of distortion: a good mean may hide a type to which a model does not react at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.metrics import quality
from bench.metrics.statistics import Estimate, Floats

if TYPE_CHECKING:
    from bench.data.base import Samples


def srcc_per_kind(scores: Floats, samples: Samples) -> dict[str, Estimate]:
    """Spearman's correlation with the (pseudo-)MOS within each distortion, by its name, in the catalogue's order.

    scores: (N,) of the images of ``samples``. Intervals resample references. Distortions without an image are left out.
    Raises ``ValueError`` if the distortions of the samples are unknown, or if there is not one score per sample.
    """
    if samples.kinds is None or len(scores) != len(samples):
        raise ValueError(f"{len(scores)} scores do not fit {len(samples)} samples with known distortions")
    kinds, labels = samples.kinds.numpy(), samples.labels.numpy().astype(np.float64)
    groups = np.arange(len(samples)) if samples.groups is None else samples.groups.numpy()
    correlations = {}
    for kind, name in enumerate(samples.kind_names):
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            correlations[name] = quality.estimate(quality.srcc(scores[rows], labels[rows]), len(rows), groups=groups[rows])
    return correlations

"""Training rules of models that score: the watched figure is the rank correlation, and the final step is a calibration."""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from bench.foundation.errors import BenchError
from bench.models.outputs import outputs
from bench.tasks.training import TrainingRules
from zoo.quality.base import QualityModel


def srcc(scores: Tensor, labels: Tensor) -> float:
    """Spearman's rank correlation of scores and labels, ``(n,)`` each; equal values share a rank; 0 where one is
    constant.
    """
    score_ranks, label_ranks = (rankdata(values.double().cpu().numpy()) for values in (scores, labels))
    score_ranks, label_ranks = score_ranks - score_ranks.mean(), label_ranks - label_ranks.mean()
    length = float((score_ranks**2).sum() * (label_ranks**2).sum()) ** 0.5
    return float((score_ranks * label_ranks).sum()) / length if length else 0.0


def _ranked(scores: Tensor, labels: Tensor) -> Tensor:
    return torch.tensor(srcc(scores, labels) * len(labels), device=scores.device)


def calibrate(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Put a quality model's scores on the scale of ``labels`` ``(N,)``, from validation images.

    Raises ``BenchError`` if it is not a quality model or gives all images the same score.
    """
    if not isinstance(model, QualityModel):
        raise BenchError(f"A {type(model).__name__} cannot be calibrated.", "Build a quality model from QualityModel.")
    model.calibration.reset()
    try:
        model.calibration.fit(outputs(model, images), labels)
    except ValueError as error:
        raise BenchError(f"The trained model cannot be calibrated: {error}.", "Change the recipe in its card.") from error


TRAINING = TrainingRules("srcc", "rank correlation (%)", ".3f", srcc, _ranked, calibrate)
"""The running figure is the mean over batches of the correlation within a batch."""

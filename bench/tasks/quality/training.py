"""Training of models that score is watched by the rank correlation with the labels, and ends with a calibration."""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from bench.foundation.errors import BenchError
from bench.models.outputs import outputs
from bench.tasks.training import TrainingRules
from zoo.quality.base import QualityModel


def srcc(scores: Tensor, labels: Tensor) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where either side does not vary."""
    one, other = (rankdata(values.double().cpu().numpy()) for values in (scores, labels))
    one, other = one - one.mean(), other - other.mean()
    length = float((one**2).sum() * (other**2).sum()) ** 0.5
    return float((one * other).sum()) / length if length else 0.0


def _ranked(scores: Tensor, labels: Tensor) -> Tensor:
    return torch.tensor(srcc(scores, labels) * len(labels), device=scores.device)


def calibrate(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Put a quality model's scores on the scale of ``labels`` ``(N,)``, from validation images.

    Raises ``BenchError`` if it is no quality model or does not tell the images apart.
    """
    if not isinstance(model, QualityModel):
        raise BenchError(f"A {type(model).__name__} cannot be calibrated.", "Build a quality model from QualityModel.")
    model.calibration.reset()
    try:
        model.calibration.fit(outputs(model, images), labels)
    except ValueError as error:
        raise BenchError(f"The trained model cannot be calibrated: {error}.", "Change the recipe in its card.") from error


TRAINING = TrainingRules("srcc", "rank correlation (%)", ".3f", srcc, _ranked, calibrate)
"""The running figure is the mean over batches of the correlation inside one."""

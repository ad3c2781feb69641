"""How far training has come, and what is left to do at its end: the two places where the task shows in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.foundation.errors import BenchError
from zoo.quality.base import QualityModel


@dataclass(frozen=True)
class Task:
    """What one kind of model is watched by.

    figure: its short name, as in the log. label: as on a curve's axis. form: how a value is written.
    score: outputs and labels of some images to the figure: a share in [0, 1], or a correlation in [-1, 1].
    credit: what a batch adds to a running sum that, divided by the number of images, gives the figure.
    """

    figure: str
    label: str
    form: str
    score: Callable[[Tensor, Tensor], float]
    credit: Callable[[Tensor, Tensor], Tensor]

    def shown(self, value: float) -> str:
        """``62.4% accuracy`` or ``0.812 srcc``."""
        return f"{value:{self.form}} {self.figure}"


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).sum()


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float(_hits(logits, labels)) / len(labels)


def srcc(scores: Tensor, labels: Tensor) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where either side does not vary."""
    one, other = (rankdata(values.double().cpu().numpy()) for values in (scores, labels))
    one, other = one - one.mean(), other - other.mean()
    length = float((one**2).sum() * (other**2).sum()) ** 0.5
    return float((one * other).sum()) / length if length else 0.0


def _ranked(scores: Tensor, labels: Tensor) -> Tensor:
    return torch.tensor(srcc(scores, labels) * len(labels), device=scores.device)


CLASSIFICATION = Task("accuracy", "accuracy (%)", ".1%", _accuracy, _hits)
QUALITY = Task("srcc", "rank correlation (%)", ".3f", srcc, _ranked)
TASKS: dict[str, Task] = {"classification": CLASSIFICATION, "quality": QUALITY}
"""Keyed by a card's ``task``. The running figure of ``quality`` is the mean over batches of the correlation inside one."""


def outputs(model: nn.Module, images: Tensor, *, batch: int = 500) -> Tensor:
    """Outputs in eval mode for uint8 ``images`` ``(N, C, H, W)``: ``(N, K)`` or ``(N,)``; draws are keyed."""
    was_training = model.training
    model.eval()
    rng = KeyedRng.of(0, torch.arange(len(images), device=images.device)).fold("figure")
    found = []
    with torch.inference_mode():
        for rows in torch.arange(len(images), device=images.device).split(batch):
            with drawing(rng.rows(rows)):
                found.append(model(images[rows].float().div(255)))
    model.train(was_training)
    return torch.cat(found)


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

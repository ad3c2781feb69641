"""How the training of one kind of model is watched and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class TrainingRules:
    """What a training is watched by, and what is left to do at its end.

    figure: its short name, as in the log. label: as on a curve's axis. form: how a value is written.
    score: outputs and labels of some images to the figure: a share in [0, 1], or a correlation in [-1, 1].
    credit: what a batch adds to a running sum that, divided by the number of images, gives the figure.
    finish: what the trained model still needs from validation images ``(N, C, H, W)`` and their labels ``(N,)``.
    """

    figure: str
    label: str
    form: str
    score: Callable[[Tensor, Tensor], float]
    credit: Callable[[Tensor, Tensor], Tensor]
    finish: Callable[[nn.Module, Tensor, Tensor], None] = lambda model, images, labels: None

    def written(self, value: float) -> str:
        """``62.4% accuracy`` or ``0.812 srcc``."""
        return f"{value:{self.form}} {self.figure}"

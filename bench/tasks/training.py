"""The rules for trainings of one kind of model: the figure that is watched, and the final step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class TrainingRules:
    """The figure by which a training is watched, and the final step of a training.

    figure: its short name, as in the log. label: of a curve's axis. form: format of a value.
    score: outputs and labels of some images to the figure: a share in [0, 1], or a correlation in [-1, 1].
    credit: the term of a batch in a running sum that, divided by the number of images, gives the figure.
    finish: the final step on the trained model, with validation images ``(N, C, H, W)`` and their labels ``(N,)``.
    """

    figure: str
    label: str
    form: str
    score: Callable[[Tensor, Tensor], float]
    credit: Callable[[Tensor, Tensor], Tensor]
    finish: Callable[[nn.Module, Tensor, Tensor], None] = lambda model, images, labels: None

    def written(self, value: float) -> str:
        """A value as text, such as ``62.4% accuracy`` or ``0.812 srcc``."""
        return f"{value:{self.form}} {self.figure}"

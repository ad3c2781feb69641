"""Training rules of models that decide: the watched figure is the accuracy."""

from __future__ import annotations

from torch import Tensor

from bench.tasks.training import TrainingRules


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).sum()


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float(_hits(logits, labels)) / len(labels)


TRAINING = TrainingRules("accuracy", "accuracy (%)", ".1%", _accuracy, _hits)

"""Why does a network get so few images right? A few forwards on other inputs tell the usual mistakes apart.

Each alternative is tried on the same few images; the one that is far better is named. Nothing is changed by itself: a
number belongs to the model that was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bench.models.preparation import PREPROCESSING

IMAGES = 50
FAR_BETTER = 2.0
"""Gain in accuracy from which on an alternative is named, in units of 1 / sqrt(n): 0.28 on 50 images, where chance alone
moves a difference by less than 0.1 (one sigma)."""
ORDERED = 0.6
"""Accuracy under the best one-to-one relabelling from which on the labels are in another order. Blind guesses among 10
classes reach about 0.25 on 50 images."""

WORDS = {
    "255": "it seems to want images in [0, 255]: --preprocess 255",
    "cifar10": "it seems to want normalised images: --preprocess cifar10",
    "imagenet": "it seems to want normalised images: --preprocess imagenet",
    "centred": "it seems to want images in [-1, 1]: --mean 0.5 --std 0.5",
    "bgr": "it seems to want blue, green, red instead of red, green, blue: turn the channels round in forward(x)",
    "labels": "its classes seem to be in another order than the labels: reorder its logits",
}


def likely_cause(logits: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor) -> str | None:
    """What would explain a low accuracy on images ``x`` ``(n, C, H, W)`` in [0, 1]; None if nothing would."""
    answers = logits(x)
    accuracy = _accuracy(answers, labels)
    gains = {name: _accuracy(logits(other), labels) for name, other in _alternatives(x)}
    best = max(gains, key=lambda name: gains[name])
    enough = accuracy + FAR_BETTER / math.sqrt(len(labels))
    if gains[best] >= enough:
        return f"{WORDS[best]} ({gains[best]:.0%} instead of {accuracy:.0%} of {len(labels)} images)"
    reordered = _relabelled_accuracy(answers, labels)
    if reordered >= max(ORDERED, enough):
        return f"{WORDS['labels']} ({reordered:.0%} instead of {accuracy:.0%} of {len(labels)} images)"
    return None


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def _alternatives(x: Tensor) -> Iterator[tuple[str, Tensor]]:
    for name, (mean, std) in PREPROCESSING.items():
        if len(mean) in (1, x.shape[-3]):
            yield name, (x - x.new_tensor(mean).view(-1, 1, 1)) / x.new_tensor(std).view(-1, 1, 1)
    yield "centred", 2 * x - 1
    if x.shape[-3] == 3:
        yield "bgr", x.flip(-3)


def _relabelled_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Accuracy under the one-to-one relation between decisions and labels that is best on these very images."""
    from scipy.optimize import linear_sum_assignment

    decisions = logits.argmax(1)
    size = int(max(decisions.max(), labels.max())) + 1
    counts = torch.zeros(size, size)
    counts.index_put_((decisions.cpu(), labels.cpu()), torch.ones(len(labels)), accumulate=True)
    rows, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    return float(counts[rows, columns].sum() / len(labels))

"""HoSNN: thresholds that hold potentials where they are on clean images (Geng and Li, TMLR 2025, arXiv 2308.10373).

A plain network comes first. The mean of each of its potentials on clean images, per neuron and step, becomes the anchor of a
neuron whose threshold adapts (:mod:`zoo.spiking.homeostatic`), and weights and rates of adaptation are then trained on
examples of the fast gradient sign method.

Ours: rates are trained on the same loss as the weights, through the thresholds. The released code changes a rate by a local
rule, 0.1 times the mean gradient of the potential times the mean distance from the anchor, and saves as the anchor the
filtered spike train of a neuron, where the paper has its potential, as here. The output layer has no neurons here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.adversarial import AgainstExamples, Start
from zoo.defenses.examples import evaluating
from zoo.spiking.homeostatic import HomeostaticLIF
from zoo.spiking.membrane import currents, potential_of

BATCH = 250
"""Images of one forward while anchors are measured."""


@dataclass(frozen=True, kw_only=True)
class Homeostasis(AgainstExamples):
    """Cross-entropy of neurons whose anchors are mean potentials of the network before training.

    eps, steps, start, examples: by which inputs are replaced; see :class:`~zoo.defenses.adversarial.AgainstExamples`. An eps
        of 0 without examples trains on clean images. samples: training images on which potentials are averaged.
    Raises ``ValueError`` as there, and for less than one image.
    """

    eps: float = 2 / 255
    start: Start = "image"
    samples: int = 5000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 1:
            raise ValueError(f"potentials are averaged over at least one image, not {self.samples}")

    def before_training(self, model: nn.Module, images: Tensor) -> None:
        """Set the anchors to mean potentials of the network with resting thresholds, in eval mode.

        images: uint8 ``(N, C, H, W)``; ``samples`` of them are taken, spread evenly.
        Raises ``ValueError`` for a model without neurons whose thresholds adapt.
        """
        layers = [module for module in model.modules() if isinstance(module, HomeostaticLIF)]
        if not layers:
            raise ValueError("no neuron of this network adapts its threshold: give the neurons of its card anchors")
        count = min(self.samples, len(images))
        chosen = images[torch.arange(count, device=images.device) * len(images) // count]
        totals = [torch.zeros_like(layer.anchors, dtype=torch.float64) for layer in layers]
        with torch.no_grad(), evaluating(model), resting(layers), ExitStack() as stack:
            collected = [stack.enter_context(currents(layer)) for layer in layers]
            for batch in chosen.split(BATCH):
                model(batch.float() / 255)
                for layer, layer_currents, total in zip(layers, collected, totals, strict=True):
                    potential = potential_of(layer.scaled(layer_currents.pop()), layer.dynamics)
                    total += _as_anchors(potential, total)
        for layer, total in zip(layers, totals, strict=True):
            layer.anchors.copy_(total / count)

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the examples, or of clean images ``(n, C, H, W)``, a scalar, and their logits ``(n, K)``."""
        x = self.trained_on(model, x, y, generator=generator)
        logits: Tensor = model(x)
        return F.cross_entropy(logits, y), logits


@contextmanager
def resting(layers: list[HomeostaticLIF]) -> Iterator[None]:
    """Keep the thresholds of ``layers`` constant inside the block."""
    before = [layer.adaptation.detach().clone() for layer in layers]
    with torch.no_grad():
        for layer in layers:
            layer.adaptation.zero_()
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, rates in zip(layers, before, strict=True):
                layer.adaptation.copy_(rates)


def _as_anchors(potential: Tensor, anchors: Tensor) -> Tensor:
    """The sum of potentials ``(T, n, ...)`` over samples, in float64; for anchors ``(T,)`` the mean of it over neurons."""
    summed = potential.double().sum(1)
    return summed if summed.shape == anchors.shape else summed.flatten(1).mean(1)

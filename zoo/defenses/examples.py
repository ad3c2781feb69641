"""How inputs are made adversarial while a network is trained: an object that defenses share.

A defense that needs adversarial inputs asks :class:`Examples` for them and does not know what about an input changes. On
images that are pixels within a linf radius (:class:`~zoo.defenses.adversarial.LinfExamples`), on event frames flipped cells
(:class:`~zoo.defenses.event_adversarial.FlippedEvents`). A card names it as ``examples: {name: ..., arguments: {...}}``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.defenses.base import Defense


@dataclass(frozen=True, kw_only=True)
class Examples(ABC):
    """A way to make inputs adversarial, with its parameters as fields."""

    @abstractmethod
    def craft(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Adversarial inputs of the shape of ``x`` ``(n, ...)``, detached. The model is in eval mode meanwhile.

        y: ``(n,)`` labels. generator: the source of any randomness, on the device of ``x``.
        """


@dataclass(frozen=True, kw_only=True)
class TrainingOnExamples(Defense, Examples):
    """``CE(f(x'), y)``, where x' are the examples that the defense itself crafts."""

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the examples of ``x`` ``(n, ...)``, a scalar, and their logits ``(n, K)``."""
        logits: Tensor = model(self.craft(model, x, y, generator=generator))
        return F.cross_entropy(logits, y), logits


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in eval mode inside the block; afterwards every module is back in its former mode."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training

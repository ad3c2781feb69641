"""A model that looks up what a process answered earlier, and computes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

Ask = Callable[[Tensor], Tensor]
"""Images (n, ...) to logits (n, K), by a process that knows neither labels nor what kind of image each is."""


AT_ONCE = 4000
"""Images per question: what an answer may take is limited in bytes and seconds."""


def secret_generator() -> torch.Generator:
    """Of orders and draws that code cannot foresee."""
    return torch.Generator().manual_seed(int.from_bytes(os.urandom(7), "little"))


def key(image: Tensor) -> bytes:
    """The key of an image: all its bits."""
    return hashlib.sha256(image.detach().contiguous().numpy().tobytes()).digest()


class Answers(nn.Module):
    """Images ``(N, ...)`` that were asked about before, to the logits ``(N, K)`` answered then.

    Several answers about one image are given in turn, so that a model which changes its mind is seen to do so.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[bytes, list[Tensor]] = {}
        self._turn: dict[bytes, int] = {}

    def learn(self, images: Tensor, ask: Ask, generator: torch.Generator) -> None:
        """Ask about images in an order that ``generator`` draws, and keep the answers."""
        order = torch.randperm(len(images), generator=generator)
        logits = torch.cat([ask(images[part]) for part in order.split(AT_ONCE)])
        for image, answer in zip(images[order], logits, strict=True):
            self._known.setdefault(key(image), []).append(answer)

    def classes(self, images: Tensor) -> list[set[int]]:
        """All decisions that were given on each image."""
        return [{int(answer.argmax()) for answer in self._known[key(image)]} for image in images]

    def forward(self, x: Tensor) -> Tensor:
        """The next answer on each image; padding within one call repeats it. Raises ``KeyError`` for an unknown image."""
        given: dict[bytes, Tensor] = {}
        answers = []
        for image in x:
            name = key(image)
            if name not in given:
                turn = self._turn.get(name, 0)
                given[name] = self._known[name][turn % len(self._known[name])]
                self._turn[name] = turn + 1
            answers.append(given[name])
        return torch.stack(answers)

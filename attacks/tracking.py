"""Remembering the best input found so far, per sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.oracle import Answer


@dataclass
class Best:
    """inputs: best so far ``(N, ...)``; value: its objective ``(N,)``; broken: ``(N,)`` bool."""

    inputs: Tensor
    value: Tensor
    broken: Tensor

    @classmethod
    def starting_at(cls, x: Tensor) -> Best:
        """Nothing found yet: the clean inputs, with an objective below any other."""
        nothing = torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
        return cls(x.clone(), nothing, torch.zeros(len(x), dtype=torch.bool, device=x.device))

    def standing(self) -> Tensor:
        """Indices of the samples not broken yet."""
        return (~self.broken).nonzero()[:, 0]

    def update(self, inputs: Tensor, rows: Tensor, answer: Answer) -> None:
        """Take over, for ``rows`` (without repeats), what is broken or has a higher objective."""
        better = (answer.value > self.value[rows]) | answer.broken
        better &= ~self.broken[rows]
        chosen = rows[better]
        self.inputs[chosen] = inputs[better]
        self.value[chosen] = answer.value[better]
        self.broken[chosen] = answer.broken[better]

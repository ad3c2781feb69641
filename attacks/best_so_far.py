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

    def update_from(self, candidates: Tensor, rows: Tensor, answer: Answer) -> None:
        """As :meth:`update`, with the best of several ``candidates`` ``(k, n, ...)`` for each row.

        answer: of all of them, ``(k * n,)``, the candidates of one number after those of the one before.
        """
        value, broken = answer.value.view(len(candidates), -1), answer.broken.view(len(candidates), -1)
        # One broken candidate is as good as another: the first, so that the choice does not hang on ties.
        # A value that is no number must not win against one that is.
        pick = torch.where(broken.any(0), broken.int().argmax(0), value.nan_to_num(nan=-torch.inf).argmax(0))
        columns = torch.arange(len(rows), device=rows.device)
        self.update(candidates[pick, columns], rows, Answer(value[pick, columns], None, broken[pick, columns]))

"""The best input that an attack has met so far, per sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.oracle import Answer
from attacks.rows import per_row, places


@dataclass
class Best:
    """inputs: best so far ``(N, ...)``; value: its objective ``(N,)``; broken: ``(N,)`` bool."""

    inputs: Tensor
    value: Tensor
    broken: Tensor

    @classmethod
    def starting_at(cls, x: Tensor) -> Best:
        """Before any query: the clean inputs ``(N, ...)``, with an objective below any other."""
        lowest = torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
        return cls(x.clone(), lowest, torch.zeros(len(x), dtype=torch.bool, device=x.device))

    def standing(self) -> Tensor:
        """Indices ``(m,)`` of the samples that are not broken yet."""
        return places(~self.broken)

    def update(self, inputs: Tensor, rows: Tensor, answer: Answer) -> None:
        """Keep those of ``inputs`` ``(n, ...)`` that are broken or have a higher objective than what is kept for their rows.

        rows: ``(n,)``, without repeats. answer: of the oracle, for these inputs. A row that is broken keeps its input.
        """
        better = (answer.value > self.value[rows]) | answer.broken
        better &= ~self.broken[rows]
        # Every row is written, the others with what is kept: a choice of rows would make an attack wait for a GPU.
        self.inputs[rows] = torch.where(per_row(better, inputs), inputs, self.inputs[rows])
        self.value[rows] = torch.where(better, answer.value, self.value[rows])
        self.broken[rows] |= better & answer.broken

    def update_from(self, candidates: Tensor, rows: Tensor, answer: Answer) -> None:
        """As :meth:`update`, with the best of several ``candidates`` ``(k, n, ...)`` for each row.

        answer: of all candidates, ``(k * n,)``: the first candidate of every row, then the second, and so on.
        """
        value, broken = answer.value.view(len(candidates), -1), answer.broken.view(len(candidates), -1)
        # Among several broken candidates the first is taken, so that the choice does not depend on ties.
        # A value that is not a number must not win against one that is.
        pick = torch.where(broken.any(0), broken.int().argmax(0), value.nan_to_num(nan=-torch.inf).argmax(0))
        columns = torch.arange(len(rows), device=rows.device)
        self.update(candidates[pick, columns], rows, Answer(value[pick, columns], None, broken[pick, columns]))

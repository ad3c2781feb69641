"""What moving each entry of an input is worth, learnt from candidates that a search has tried.

A candidate that changes S entries and raises the objective by r says of each of them that its own effect is r, give or take
what the others did. If effects are independent with variance v, r is an entry's effect up to a variance of about S v. The
mean of that effect, given all candidates c that changed the entry and a prior mean m, is then

    (m + sum r_c / S_c) / (1 + sum 1 / S_c).

The prior mean comes from a gradient. Moving an entry back has the opposite effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FADING = 0.9
"""What the sums of the rounds before count for, each round."""
SMALLEST = 1e-12
"""Size of effects where nothing is known of it; the gradient then decides alone."""


@dataclass
class EntryEffects:
    """Of n rows with D entries. summed, weight: ``(n, D)``, the two sums of the formula, of upward moves. square: ``(n,)``,
    a fading sum over rounds of the mean of r^2 / S, and seen: that of as many ones; their ratio estimates v.
    """

    summed: Tensor
    weight: Tensor
    square: Tensor
    seen: float = 0.0

    @classmethod
    def nothing(cls, x: Tensor) -> EntryEffects:
        """Before any candidate, for inputs ``x`` ``(n, ...)``."""
        zeros = torch.zeros_like(x.flatten(1))
        return cls(zeros, zeros.clone(), zeros.new_zeros(len(x)))

    def only(self, kept: Tensor) -> EntryEffects:
        """Of some rows, given by indices or as bool ``(m,)``."""
        return EntryEffects(self.summed[kept], self.weight[kept], self.square[kept], self.seen)

    def promise(self, step: Tensor, gradient: Tensor, trust: float) -> Tensor:
        """By how much moving each entry by ``step`` ``(n, D)`` should raise the objective, up to a factor per row.

        Returns ``(n, D)``. gradient: ``(n, D)`` of any size, the prior. trust: in it, as the share of an effect that it
        explains.
        """
        linear = (step * gradient).double()
        linear = linear / linear.std(1, keepdim=True, correction=0).clamp_min(1e-300)
        scale = (self.square.double() / max(self.seen, SMALLEST)).sqrt().clamp_min(SMALLEST)[:, None]
        return (trust * scale * linear + step.sign() * self.summed) / (1 + self.weight)

    def learn(self, changed: Tensor, step: Tensor, rise: Tensor) -> None:
        """From a round of candidates. changed: ``(n, P, D)`` bool. step: as in :meth:`promise`, or ``(n, P, D)`` of each
        candidate. rise: ``(n, P)``; what is no finite number teaches nothing.
        """
        size = changed.sum(2).clamp_min(1).to(rise)
        rise = torch.where(rise.isfinite(), rise, 0.0)
        up = step.sign()
        if up.dim() < changed.dim():
            up = up[:, None].expand_as(changed)
        # One candidate after another, so that no order of summation depends on the number of rows.
        for candidate in range(changed.shape[1]):
            of_entries = changed[:, candidate]
            each = (rise[:, candidate] / size[:, candidate])[:, None]
            self.summed = torch.where(of_entries, self.summed + up[:, candidate] * each, self.summed)
            self.weight = torch.where(of_entries, self.weight + 1 / size[:, candidate, None], self.weight)
        self.square = FADING * self.square + (rise.double().square() / size).mean(1).to(rise)
        self.seen = FADING * self.seen + 1

    def put(self, rows: Tensor, others: EntryEffects) -> None:
        """Take what ``others`` have learnt of the rows ``(m,)``, given by indices."""
        self.summed[rows], self.weight[rows], self.square[rows] = others.summed, others.weight, others.square
        self.seen = others.seen

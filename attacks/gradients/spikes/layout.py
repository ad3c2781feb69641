"""Where the samples of a batch are in a tensor that a spike function sees.

Most code calls it once a time step, on ``(n, ...)``. Neurons without a state are also called for all steps at once, on
``(T, n, ...)``, or with time folded into the batch, ``(T n, ...)`` or ``(n T, ...)``. What an attacker learns is kept per
sample, so the samples have to be found: by running the network on batches of two sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """kind: the order of the first axes. steps: time steps in one call."""

    kind: Literal["n", "t, n", "tn", "nt"] = "n"
    steps: int = 1

    def fits(self, x: Tensor) -> bool:
        """Whether ``x`` ``(n, ...)``, ``(T, n, ...)`` or ``(T n, ...)`` can have this layout."""
        return self.kind in ("n", "t, n") or len(x) % self.steps == 0

    def by_step(self, x: Tensor) -> Tensor:
        """``x`` as ``(T, n, ...)``."""
        if self.kind == "n":
            return x.unsqueeze(0)
        if self.kind == "t, n":
            return x
        folded: Tensor = x.unflatten(0, (self.steps, -1) if self.kind == "tn" else (-1, self.steps))
        return folded if self.kind == "tn" else folded.transpose(0, 1)

    def back(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`by_step`: ``x`` ``(T, n, ...)`` as it was."""
        if self.kind == "n":
            return x[0]
        if self.kind == "t, n":
            return x
        return (x if self.kind == "tn" else x.transpose(0, 1)).flatten(0, 1)


ONE_STEP = Layout()


def layout_of(many: Tensor, fewer: Tensor, n: int, m: int) -> Layout | None:
    """The layout of a tensor seen with a batch of ``n`` samples, and with the first ``m`` of them; None if it has none.

    many, fewer: the tensor in both runs, ``(n, ...)``, ``(T, n, ...)`` or ``(T n, ...)``, with m in the place of n.
    """
    if many.dim() != fewer.dim() or many.dim() == 0:
        return None
    if many.shape[1:] == fewer.shape[1:] and many.shape[0] * m == fewer.shape[0] * n and many.shape[0] % n == 0:
        steps = many.shape[0] // n
        if steps == 1:
            return Layout()
        time_first = _share(many.unflatten(0, (steps, n))[:, :m], fewer.unflatten(0, (steps, m)))
        batch_first = _share(many.unflatten(0, (n, steps))[:m], fewer.unflatten(0, (m, steps)))
        return Layout("tn" if time_first >= batch_first else "nt", steps)
    if many.dim() > 1 and (many.shape[1], fewer.shape[1]) == (n, m) and many.shape[0] == fewer.shape[0]:
        return Layout("t, n", many.shape[0]) if many.shape[2:] == fewer.shape[2:] else None
    return None


def _share(a: Tensor, b: Tensor) -> float:
    """The share of entries that agree but for rounding."""
    return float(((a - b).abs() <= 1e-4 * (1 + b.abs())).double().mean())

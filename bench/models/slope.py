"""Is the gradient of a model the derivative of its forward?

Finite differences along the gradient itself, in float64 where the model runs in it and in float32 otherwise. A network
whose forward has steps that nobody recognised, or whose backward was written by hand for another function, does not pass.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.rows import per_row

STEPS = {torch.float64: (1e-6,), torch.float32: (2e-2, 1e-1)}
"""Lengths (l2, in input units) of a step: large against rounding, small against a network's bends. The best one counts."""

MOST = 0.5
"""Relative error from which on the slope is not that of the forward. Networks with ReLU and max-pooling stay below 0.05."""


@dataclass(frozen=True)
class Slope:
    """error: median relative error of the gradient's length; None where it could not be compared, for this reason."""

    error: float | None
    reason: str = ""

    @property
    def is_made_up(self) -> bool:
        """Whether the gradient is not the derivative of the forward."""
        return self.error is not None and self.error > MOST


def slope_of(model: nn.Module, x: Tensor) -> Slope:
    """Compare for inputs ``x`` ``(n, ...)``. model: in eval mode; it is not changed. Never raises for what a model does."""
    reasons = []
    for dtype, lengths in STEPS.items():
        try:
            tried = _in_precision(model, dtype)
            _require_answers_of(tried, x.to(dtype))
            errors = [_error(tried, x.to(dtype), length) for length in lengths]
        except Exception as error:  # a foreign forward may fail in any way in another precision
            reasons.append(f"{type(error).__name__}: {error}".splitlines()[0])
            continue
        seen = [error for error in errors if error is not None]
        return Slope(min(seen)) if seen else Slope(None, "its gradient is zero")
    return Slope(None, "; ".join(dict.fromkeys(reasons)))


def _in_precision(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The model itself if it computes so already (it may hold what cannot be copied), or else a copy."""
    tensors = [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
    if dtype == torch.float32 and all(tensor.dtype == dtype for tensor in tensors):
        return model
    return copy.deepcopy(model).to(dtype)


@torch.no_grad()
def _require_answers_of(model: nn.Module, x: Tensor) -> None:
    """Raise ``ValueError`` if the answers are of lower precision than ``x``, or others when asked again.

    A forward that casts to float32 inside rounds away a small step, and one that remembers its last call differs by itself.
    """
    first, again = model(x), model(x)
    if not torch.allclose(first, again):
        raise ValueError("two calls with the same inputs differ")
    if x.dtype == torch.float64 and torch.equal(first.float().to(first), first):
        raise ValueError("it computes in float32 inside")


def _error(model: nn.Module, x: Tensor, length: float) -> float | None:
    """Median relative error with steps of this length; None if all gradients vanish."""
    weights = torch.Generator().manual_seed(0)

    def answer(inputs: Tensor) -> Tensor:
        outputs: Tensor = model(inputs)
        flat = outputs.flatten(1) if outputs.dim() > 1 else outputs[:, None]
        return flat @ torch.randn(flat.shape[1], generator=weights.manual_seed(0), dtype=flat.dtype).to(flat.device)

    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(answer(leaf).sum(), leaf)
    size = gradient.flatten(1).norm(dim=1)
    moved = size > 0
    if not bool(moved.any()):
        return None
    direction = gradient / per_row(size.clamp_min(torch.finfo(x.dtype).tiny), gradient)
    with torch.no_grad():
        rise = (answer(x + length * direction) - answer(x - length * direction)) / (2 * length)
    return float(((rise - size).abs() / size)[moved].median())

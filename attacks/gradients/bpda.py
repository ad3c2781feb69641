"""Backward pass differentiable approximation (BPDA; Athalye et al., ICML 2018): rounding is passed as the identity.

A model that rounds or quantises its input has a gradient of zero everywhere, and yet a small change moves its answer as soon
as it crosses a level. While this path is at work, every operation of the network that rounds a tensor of real numbers, or
casts one to whole numbers, answers as before and hands back the gradient that arrives. What rounds outside of torch (a
picture written and read again) stays out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attacks.gradients.assg import ASSG
from attacks.gradients.base import Bound, GradientPath, LayerGradient, Session, Training

if TYPE_CHECKING:
    from attacks.gradients.spikes.firing import SpikeGradient
    from attacks.gradients.spikes.sites import SpikeSites

ROUNDINGS = {"round", "floor", "ceil", "trunc", "fix"}
QUOTIENTS = {"floor_divide", "__floordiv__", "div", "divide"}
CASTS = {"byte", "char", "short", "int", "long", "to", "type"}


class RoundingPassed(TorchFunctionMode):
    """Inside, rounding hands back the gradient that arrives. passed: how many operations did."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if not isinstance(first, Tensor) or not first.requires_grad or not first.is_floating_point():
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name.rstrip("_") in ROUNDINGS:
            return self._straight(first, getattr(torch, name.rstrip("_"))(first.detach(), *args[1:], **kwargs))
        if name in QUOTIENTS and (name in ("floor_divide", "__floordiv__") or kwargs.get("rounding_mode")):
            exact = torch.true_divide(first, args[1])
            return self._straight(exact, func(first.detach(), *args[1:], **kwargs))
        if name in CASTS:
            whole = func(first.detach(), *args[1:], **kwargs)
            if isinstance(whole, Tensor) and not whole.is_floating_point() and whole.dtype != torch.bool:
                # The numbers of the cast, as real ones, because whole ones carry no gradient.
                return self._straight(first, whole.to(first))
        return func(*args, **kwargs)

    def _straight(self, exact: Tensor, rounded: Tensor) -> Tensor:
        self.passed += 1
        return exact + (rounded - exact).detach()


@contextmanager
def _both(inner: AbstractContextManager[Bound]) -> Iterator[Bound]:
    with inner as bound, RoundingPassed():
        yield bound


@dataclass(frozen=True, kw_only=True)
class BPDA(GradientPath):
    """Rounding passed as the identity; spikes are differentiated by ASSG of ``half``, by the layers' own gradient if None.

    Raises ``ValueError`` for a ``half`` outside of (0, 0.5).
    """

    half: float | None = None

    def __post_init__(self) -> None:
        self.layer_gradient()

    @property
    def is_own(self) -> bool:
        """Whether no ``half`` was given."""
        return self.half is None

    @property
    def _spikes(self) -> GradientPath:
        return Training(coding=self.coding) if self.half is None else ASSG(half=self.half, coding=self.coding)

    def layer_gradient(self) -> LayerGradient | None:
        """That of the path for spikes."""
        return self._spikes.layer_gradient()

    def spike_gradient(self) -> SpikeGradient | None:
        """That of the path for spikes."""
        return self._spikes.spike_gradient()

    def applied(self, model: nn.Module, *, sites: SpikeSites | None = None) -> AbstractContextManager[Bound]:
        """Rounding is passed, and layers and spike functions take the path for spikes."""
        return _both(self._spikes.applied(model, sites=sites))

    def session(self, samples: int) -> Session:
        """That of the path for spikes, with rounding passed."""
        return _Passing(self._spikes.session(samples))


@dataclass(frozen=True)
class _Passing(Session):
    inner: Session

    def applied(
        self, model: nn.Module, rows: Tensor, *, learn: bool, sites: SpikeSites | None = None
    ) -> AbstractContextManager[Bound]:
        return _both(self.inner.applied(model, rows, learn=learn, sites=sites))

    def forget(self, rows: Tensor) -> None:
        self.inner.forget(rows)


SMALL, LARGE = 1e-5, 8 / 255
"""Sizes of the steps between which a model that rounds its input begins to move."""


def rounds_its_input(model: nn.Module, x: Tensor) -> bool:
    """Whether ``model`` rounds what it is given, judged by a few inputs ``x`` ``(n, ...)``.

    Its answer on some of them must stay the same, bit by bit, within :data:`SMALL` and move at :data:`LARGE`, and a gradient
    must arrive once rounding is passed. False for a model that fails there.
    """
    signs = torch.where(torch.arange(x[0].numel(), device=x.device) % 2 == 0, 1.0, -1.0).view(x.shape[1:]).to(x)
    try:
        with torch.no_grad():
            here, near, far = (model((x + step * signs).clamp(0, 1)).flatten(1) for step in (0.0, SMALL, LARGE))
        with torch.enable_grad(), RoundingPassed() as mode:
            leaf = x.detach().clone().requires_grad_()
            (gradient,) = torch.autograd.grad(model(leaf).square().sum(), leaf)
    except Exception:  # whatever a stranger's forward raises
        return False
    still_then_moved = (here == near).all(1) & (here != far).any(1)
    return mode.passed > 0 and bool(still_then_moved.any()) and bool((gradient != 0).any())

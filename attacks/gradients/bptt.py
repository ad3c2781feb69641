"""Backpropagation through time with any surrogate: the exact unrolled chain rule,
except that ``ds/du`` is the surrogate's slope g (Neftci et al., 2019).

With ``d[t] = dL/dv[t]`` (the potential after the reset) and ``e[t] = dL/ds[t]``:

    hard reset   dL/du[t] = e[t] g + d[t] (1 - s[t]) - d[t] u[t] g
    soft reset   dL/du[t] = e[t] g + d[t]            - d[t] th   g
    d[t-1] = decay * dL/du[t]

with the leak of each neuron at step t in the place of the decay where there is one. The last term of each is the path
through the reset; ``detached`` drops it. Both variants are in use, and neither is always the stronger attack.

Where the threshold follows the potential (see :class:`~attacks.gradients.base.Adaptation`), a potential that rises also
raises the thresholds of this step and all later ones: with G[t] = (e[t] - d[t] u[t]) g, what reaches u[t] through spikes is
G[t] - rate * (G[t] + ... + G[T-1]) in the place of G[t], and g is taken at the distance from the threshold that has moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from attacks.gradients import accelerated, compiled, loops, on_gpu
from attacks.gradients.base import GradientPath, LayerGradient, Trace
from attacks.gradients.flat import aligned, like, matrix, pieces
from attacks.gradients.spikes.firing import Stepwise
from attacks.gradients.surrogates import Surrogate
from attacks.gradients.windows import grain, shape_of

Slope = Callable[[Tensor, int, slice], Tensor]
"""``slope(scratch, t, piece)``: ds/du of the units ``piece`` at step t, written into ``scratch`` (which holds u)."""


def through_slopes(grad: Tensor, trace: Trace, slopes: Tensor, *, attached: bool) -> Tensor:
    """The module's recursion for given ``ds/du``.

    grad, slopes: ``(T, n, ...)``. Returns dL/dcurrent, laid out in memory as the potential is.
    """
    if accelerated.takes(trace):
        return on_gpu.through_slopes(grad, trace, slopes, attached=attached)
    ready = aligned(slopes, trace.potential)
    if not compiled.takes(trace):
        flat = matrix(ready)
        return _through_time(grad, trace, lambda u, t, piece: flat[t, piece], attached=attached)
    result = like(trace.potential, 1 if trace.constant else None)
    u, out = compiled.array(trace.potential), compiled.array(result)
    e, dynamics = compiled.array(aligned(grad, trace.potential)), trace.dynamics
    numbers = compiled.constants(u.dtype, dynamics.decay, dynamics.threshold, 0)
    choices = (dynamics.reset == "hard", attached)
    compiled.in_parallel(loops.through_slopes, u.shape[1], e, u, compiled.array(ready), out, numbers, *choices)
    return result


def through_surrogate(grad: Tensor, trace: Trace, surrogate: Surrogate, *, attached: bool) -> Tensor:
    """The module's recursion for a surrogate; shapes as in :func:`through_slopes`."""
    if accelerated.takes(trace):
        return on_gpu.through_surrogate(grad, trace, surrogate, attached=attached)
    th = trace.dynamics.threshold
    if surrogate.name not in loops.SLOPES or not compiled.takes(trace):
        return _through_time(grad, trace, lambda u, t, piece: surrogate.slope_(u, th), attached=attached)
    result = like(trace.potential, 1 if trace.constant else None)
    u, out = compiled.array(trace.potential), compiled.array(result)
    e, dynamics, width = incoming(grad, trace), trace.dynamics, surrogate.effective_width
    numbers = compiled.constants(u.dtype, dynamics.decay, th, width, 1 / th, 0, 1, math.pi / (2 * width))
    choices = (loops.SLOPES[surrogate.name], dynamics.reset == "hard", attached, shape_of(trace.windows))
    compiled.in_parallel(loops.through_surrogate, u.shape[1] // grain(trace.windows), e, u, out, numbers, *choices)
    return result


def incoming(grad: Tensor, trace: Trace) -> np.ndarray[Any, Any]:
    """What a loop reads: the gradient of the spikes in the order of the potential, or that of the means of windows."""
    return compiled.array(aligned(grad, trace.potential if trace.windows is None else trace.windows.pooled(trace.potential)))


def _through_time(grad: Tensor, trace: Trace, slope_of: Slope, *, attached: bool) -> Tensor:
    """The recursion in torch operations, in pieces: no tensor of the whole layer is made but the result."""
    potential = matrix(trace.potential)
    arriving = matrix(aligned(grad, trace.potential))
    result = like(trace.potential)
    out = matrix(result)
    steps = len(out)
    dynamics = trace.dynamics
    leaks = None if trace.leaks is None else matrix(aligned(trace.leaks, trace.potential))
    membrane, rates = potential, None
    if trace.adaptation is not None:
        membrane = matrix(aligned(trace.adaptation.membrane, trace.potential))
        rates = matrix(aligned(trace.adaptation.rate, trace.potential))
    for piece in pieces(out):
        scratch = torch.empty_like(out[0, piece])
        carried, through_thresholds = torch.empty_like(scratch), torch.zeros_like(scratch)
        for t in reversed(range(steps)):
            to_current, last = out[t, piece], t == steps - 1
            slope = slope_of(scratch.copy_(potential[t, piece]), t, piece)
            if not last:
                torch.mul(out[t + 1, piece], dynamics.decay if leaks is None else leaks[t + 1, piece], out=carried)
            if last or not attached:
                torch.mul(arriving[t, piece], slope, out=to_current)
            elif dynamics.reset == "hard":
                torch.addcmul(arriving[t, piece], carried, membrane[t, piece], value=-1, out=to_current).mul_(slope)
            else:
                torch.sub(arriving[t, piece], carried, alpha=dynamics.threshold, out=to_current).mul_(slope)
            if rates is not None:
                through_thresholds.addcmul_(rates[t, piece], to_current)
                to_current.sub_(through_thresholds)
            if not last:
                to_current.add_(carried)
                if dynamics.reset == "hard":
                    to_current.sub_(carried.mul_(potential[t, piece] >= dynamics.threshold))
    return result


@dataclass(frozen=True)
class ThroughTime:
    """Layer gradient of BPTT."""

    surrogate: Surrogate = field(default_factory=Surrogate)
    attached: bool = True
    needs_current: bool = False

    @property
    def takes_windows(self) -> bool:
        """Whether the compiled loop has this surrogate."""
        return self.surrogate.name in loops.SLOPES

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        """``dL/dcurrent`` ``(T, n, ...)`` by :func:`through_surrogate`."""
        return through_surrogate(grad, trace, self.surrogate, attached=self.attached)


@dataclass(frozen=True, kw_only=True)
class BPTT(GradientPath):
    """Backpropagation through time with the attacker's surrogate.

    surrogate: rectangle, triangle, atan, sigmoid, fast_sigmoid, exponential, gaussian or straight_through.
    width: in units of the threshold (None: the family's default); ``alpha = 1 / width`` may be given instead.
    reset: whether the gradient flows through the reset.
    Raises ``ValueError`` for an unknown surrogate, a width that is not positive, and both width and alpha.
    """

    surrogate: str = "triangle"
    width: float | None = None
    alpha: float | None = None
    reset: Literal["attached", "detached"] = "attached"

    def __post_init__(self) -> None:
        if self.width is not None and self.alpha is not None:
            raise ValueError("give either width or alpha = 1 / width, not both")
        if self.alpha is not None and not self.alpha > 0:
            raise ValueError(f"alpha must be positive, got {self.alpha}")
        if self.reset not in ("attached", "detached"):
            raise ValueError(f"reset must be 'attached' or 'detached', not {self.reset!r}")
        self.layer_gradient()

    def layer_gradient(self) -> LayerGradient:
        """Backpropagation through the time of a layer."""
        width = self.width if self.alpha is None else 1 / self.alpha
        return ThroughTime(Surrogate(self.surrogate, width), self.reset == "attached")

    def spike_gradient(self) -> Stepwise:
        """The surrogate at each call; time is unrolled by the network itself."""
        gradient = self.layer_gradient()
        return Stepwise(lambda call: gradient, self.reset == "attached")

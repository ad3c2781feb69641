"""From spikes ``(T, N, ...)`` back to pictures ``(N, ...)``: TFP, TFI and TFSTP, in floating point and differentiable.

- TFP (texture from playback, Zhu et al., ICME 2019): the share of ticks in a window at which a pixel fired. Linear.
- TFI (texture from interspike intervals, ibid.): the inverse of the interval between the last spike up to a tick and the
  first one after it. Piecewise constant, so that its backward is that of TFP over the ticks that were searched (BPDA,
  Athalye et al., ICML 2018): both estimate the same rate.
- TFSTP (texture from short-term plasticity, Zheng et al., CVPR 2021): what the synapses of a model of short-term plasticity
  say about the latest intervals. Its backward is that of a rate with an exponential memory, likewise.

Values are spikes per tick, from 0 to 1, not multiples of 1/255; ``scale`` turns them into intensities. Deviations from
SpikeCV: TFI sees a spike at tick 0, which SpikeCV's frame version does not, and TFSTP is neither stretched over the
picture (see :func:`stretched`) nor equalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


class _InPlaceOf(torch.autograd.Function):
    """The first argument, with the gradient of the second, of the same shape."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, differentiable: Tensor) -> Tensor:
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        return None, grad


def _with_gradient_of(value: Tensor, differentiable: Tensor) -> Tensor:
    result: Tensor = _InPlaceOf.apply(value, differentiable)  # type: ignore[no-untyped-call]
    return result


def tfp(spikes: Tensor, *, half: int, at: int) -> Tensor:
    """Mean over the ticks ``at - half`` to ``at + half`` of spikes ``(T, N, ...)``: ``(N, ...)``.

    Raises ``ValueError`` for a window that is not inside the stream.
    """
    if half < 0 or at - half < 0 or at + half >= len(spikes):
        raise ValueError(f"a window of {half} ticks on each side of tick {at} is not inside of {len(spikes)} ticks")
    return spikes[at - half : at + half + 1].mean(0)


def tfi(spikes: Tensor, *, window: int, at: int) -> Tensor:
    """Inverse interval around tick ``at`` of spikes ``(T, N, ...)``: ``(N, ...)``, in spikes per tick.

    The interval is that from the last spike at ``at`` or up to ``window - 1`` ticks earlier to the first one up to
    ``window`` ticks later; where one of them is missing it counts as ``2 window``. Raises ``ValueError`` for a window below
    1, and for a tick after which the stream has none.
    """
    if window < 1 or not 0 <= at < len(spikes) - 1:
        raise ValueError(f"no interval of up to {window} ticks on each side lies around tick {at} of {len(spikes)}")
    first, stop = max(0, at - window + 1), min(at + window, len(spikes) - 1) + 1
    with torch.no_grad():
        before, after = _silent_ticks(spikes[first : at + 1].flip(0)), _silent_ticks(spikes[at + 1 : stop])
        complete = (before < at + 1 - first) & (after < stop - at - 1)
        interval = torch.where(complete, before + after + 1, 2 * window)
        value = interval.to(spikes.dtype).reciprocal()
    return _with_gradient_of(value, spikes[first:stop].mean(0))


def _silent_ticks(spikes: Tensor) -> Tensor:
    """Ticks before the first spike of ``(T, N, ...)``, ``(N, ...)`` int64; T where there is none."""
    return (spikes.cumsum(0) == 0).sum(0)


@dataclass(frozen=True, kw_only=True)
class Plasticity:
    """Constants of a synapse, those of SpikeCV; time constants in ticks."""

    utilisation: float = 0.15
    """u0: what of its resources a synapse uses for a spike after a long silence."""
    recovery: float = 1.0
    """D: time constant in which resources come back."""
    facilitation: float = 10.0
    """F: time constant in which a raised utilisation sinks again."""
    increment: float = 0.15
    """f: share of what is missing to 1 by which a spike raises the utilisation."""


SPIKECV = Plasticity()


def tfstp(spikes: Tensor, *, synapse: Plasticity = SPIKECV) -> Tensor:
    """Estimate after the last tick from spikes ``(T, N, ...)``: ``(N, ...)``, 0 where a pixel was silent.

    At a spike after a gap of d ticks (the first one: after those since the beginning), with R = 1 and u = u0 at first,

        R' = 1 - (1 - R (1 - u)) exp(-d / D)        u' = u0 + (u + f (1 - u) - u0) exp(-d / F)

    and the estimate is ``-1 / (F ln((u - u0) / (F - u0 + u (1 - f)))) - 1 / (D ln((1 - R) / (1 - R (1 - u))))``. It is
    computed in float64 with 1 - R and u - u0 as state, which R and u would round away after long gaps.
    """
    u0, d, f, memory = synapse.utilisation, synapse.recovery, synapse.increment, synapse.facilitation
    with torch.no_grad():
        used = spikes.new_zeros(spikes.shape[1:], dtype=torch.float64)  # 1 - R
        raised = torch.zeros_like(used)  # u - u0
        gap = torch.zeros_like(used)
        for plane in spikes:
            gap += 1
            fired, u = plane > 0, raised + u0
            kept = used + u - used * u  # 1 - R (1 - u)
            used = torch.where(fired, kept * torch.exp(-gap / d), used)
            raised = torch.where(fired, (raised + f * (1 - u)) * torch.exp(-gap / memory), raised)
            gap = torch.where(fired, 0.0, gap)
        u = raised + u0
        by_facilitation = -1 / (memory * torch.log(raised / (memory - u0 + u * (1 - f))))
        by_recovery = -1 / (d * torch.log(used / (used + u - used * u)))
        estimate = (by_facilitation + by_recovery).to(spikes.dtype)
    age = torch.arange(len(spikes) - 1, -1, -1, dtype=spikes.dtype, device=spikes.device)
    weights = torch.softmax(-age / memory, 0)
    return _with_gradient_of(estimate, torch.tensordot(weights, spikes, 1))


def stretched(picture: Tensor) -> Tensor:
    """Each picture ``(N, ...)`` from its own least value to its own largest one: to [0, 1]; 0 where they are equal."""
    flat = picture.flatten(1)
    least, most = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = torch.where(most > least, most - least, 1.0)
    return ((flat - least) / span).view_as(picture)


class TFP(nn.Module):
    """:func:`tfp` of spikes ``(T, N, ...)`` around the middle tick, times ``scale``. half: None for as many as there are."""

    def __init__(self, *, half: int | None = None, scale: float = 1.0) -> None:
        super().__init__()
        self.each_side, self.scale = half, scale

    def forward(self, spikes: Tensor) -> Tensor:
        """Pictures ``(N, ...)``."""
        middle = len(spikes) // 2
        half = min(middle, len(spikes) - 1 - middle) if self.each_side is None else self.each_side
        return tfp(spikes, half=half, at=middle) * self.scale


class TFI(nn.Module):
    """:func:`tfi` of spikes ``(T, N, ...)`` around the middle tick, times ``scale``."""

    def __init__(self, *, window: int = 20, scale: float = 1.0) -> None:
        super().__init__()
        self.window, self.scale = window, scale

    def forward(self, spikes: Tensor) -> Tensor:
        """Pictures ``(N, ...)``."""
        return tfi(spikes, window=self.window, at=(len(spikes) - 1) // 2) * self.scale


class TFSTP(nn.Module):
    """:func:`tfstp` of spikes ``(T, N, ...)``, :func:`stretched` over each picture.

    synapse: fields of :class:`Plasticity`.
    """

    def __init__(self, **synapse: float) -> None:
        super().__init__()
        self.synapse = Plasticity(**synapse)

    def forward(self, spikes: Tensor) -> Tensor:
        """Pictures ``(N, ...)`` in [0, 1]."""
        return stretched(tfstp(spikes, synapse=self.synapse))


RECONSTRUCTIONS: dict[str, type[TFP] | type[TFI] | type[TFSTP]] = {"tfp": TFP, "tfi": TFI, "tfstp": TFSTP}

"""Layers of neurons on a GPU: what :mod:`zoo.spiking.kernels` asks of the Triton kernels.

All tensors are dense matrices ``(T, M)`` in memory order; the time axis of the current may be expanded. The potential has no
steps where it is not to be kept.
"""

from __future__ import annotations

from torch import Tensor

from attacks.gradients import accelerated
from attacks.gradients.base import Dynamics
from attacks.gradients.windows import Windows, shape_of

KERNELS = "zoo.spiking.triton_fire"


def fire(current: Tensor, potential: Tensor, spikes: Tensor, dynamics: Dynamics) -> None:
    """Run the neurons: fills ``potential`` and ``spikes``."""
    steps, units = current.shape
    block = accelerated.block(current)
    accelerated.launch(
        KERNELS,
        "fire",
        (accelerated.programs(units, block),),
        current.device,
        current,
        potential,
        spikes,
        units,
        current.stride(0),
        dynamics.decay,
        accelerated.rounded(dynamics.threshold, current.dtype),
        dynamics.start,
        STEPS=steps,
        HARD=dynamics.reset == "hard",
        KEEP=len(potential) > 0,
        BLOCK=block,
    )


def fire_and_pool(current: Tensor, potential: Tensor, pooled: Tensor, dynamics: Dynamics, windows: Windows) -> None:
    """Like :func:`fire`, with the mean of the spikes over each window in place of the spikes."""
    steps, units = current.shape
    means = pooled.shape[1]
    height, width, channels, size = shape_of(windows)
    places = 1 << (size**2 - 1).bit_length()
    block = max(1, accelerated.block(current) // places)  # as many units per program as without windows
    accelerated.launch(
        KERNELS,
        "fire_and_pool",
        (accelerated.programs(means, block),),
        current.device,
        current,
        potential,
        pooled,
        units,
        means,
        current.stride(0),
        dynamics.decay,
        accelerated.rounded(dynamics.threshold, current.dtype),
        dynamics.start,
        height,
        width,
        channels,
        STEPS=steps,
        HARD=dynamics.reset == "hard",
        KEEP=len(potential) > 0,
        SIZE=size,
        PLACES=places,
        BLOCK=block,
    )

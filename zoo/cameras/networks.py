"""Networks that see a scene through a spike camera.

Two ways lead from spikes to a decision: through a picture that TFP, TFI or TFSTP makes of them, which any network for
images can look at, or directly, spike planes into spiking neurons, a tick being a time step. Where the picture itself is
wanted, a camera and its reconstruction are a whole model. Inputs are scenes, so that an attack on them is an attack through
the camera.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.architectures.compact import Compact, compact_body
from zoo.cameras.reconstruction import RECONSTRUCTIONS, TFI, TFP, TFSTP
from zoo.cameras.spike_camera import SpikeCamera
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.readouts import MeanLogits


def reconstruction_for(camera: SpikeCamera, name: str, options: dict[str, Any] | None = None) -> TFP | TFI | TFSTP:
    """The reconstruction ``tfp``, ``tfi`` or ``tfstp`` for a camera, with its ``options``.

    TFP and TFI give intensities, the gain of the camera undone. Raises ``ValueError`` for an unknown name.
    """
    if name not in RECONSTRUCTIONS:
        raise ValueError(f"unknown reconstruction {name!r}; known: {', '.join(RECONSTRUCTIONS)}")
    usual = {} if name == "tfstp" else {"scale": camera.intensity_of_rate}
    return RECONSTRUCTIONS[name](**usual | (options or {}))


class Reconstructor(nn.Module):
    """Scenes ``(N, C, H, W)`` or ``(N, T, C, H, W)`` in [0, 1] to pictures ``(N, C, H, W)`` in [0, 1]. No parameters.

    camera: keyword arguments of :class:`~zoo.cameras.spike_camera.SpikeCamera`. reconstruction, options: see
    :func:`reconstruction_for`. Raises ``ValueError`` for an unknown reconstruction.
    """

    def __init__(self, *, camera: dict[str, Any], reconstruction: str, options: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.camera = SpikeCamera(**camera)
        self.reconstruction = reconstruction_for(self.camera, reconstruction, options)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures ``(N, C, H, W)`` of scenes in [0, 1], cut off at 0 and 1 as those for a screen are."""
        picture: Tensor = self.reconstruction(self.camera(x))
        return picture.clamp(0, 1)


class ThroughPictures(nn.Module):
    """Scenes ``(N, 3, 32, 32)`` or ``(N, T, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``, by way of a picture.

    camera: keyword arguments of :class:`~zoo.cameras.spike_camera.SpikeCamera`. reconstruction, options: see
    :func:`reconstruction_for`. network: keyword arguments of :class:`~zoo.architectures.compact.Compact`.
    margin: dark pixels that are put around the picture on each side, where scenes are smaller than what the network takes.
    Raises ``ValueError`` for an unknown reconstruction.
    """

    def __init__(
        self,
        *,
        camera: dict[str, Any],
        reconstruction: str,
        network: dict[str, Any],
        options: dict[str, Any] | None = None,
        margin: int = 0,
    ) -> None:
        super().__init__()
        self.camera = SpikeCamera(**camera)
        self.reconstruction = reconstruction_for(self.camera, reconstruction, options)
        self.margin = margin
        self.network = Compact(**network)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of scenes in [0, 1]."""
        picture = self.reconstruction(self.camera(x))
        logits: Tensor = self.network(F.pad(picture, (self.margin,) * 4) if self.margin else picture)
        return logits


class OnSpikePlanes(nn.Module):
    """Spike planes ``(T, N, C, 32, 32)`` to logits ``(N, K)``, averaged over the ticks.

    neuron: keyword arguments of :class:`~zoo.spiking.neurons.LIF`.
    """

    def __init__(
        self,
        *,
        neuron: dict[str, Any],
        classes: int = 10,
        channels: int = 3,
        widths: tuple[int, int, int, int] = (16, 32, 48, 80),
    ) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.body: TimeSequential = compact_body(
            lambda: LIF(**neuron), channels=channels, widths=(first, second, third, fourth)
        )
        self.readout = MeanLogits(fourth * 16, classes)

    def forward(self, spikes: Tensor) -> Tensor:
        """Logits ``(N, K)`` of spike planes."""
        ticks, rows, channels, height, width = spikes.shape
        # One layout for every batch: that of the memory decides in which order a convolution sums.
        folded = spikes.reshape(ticks * rows, channels, height, width).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.readout(self.body(folded.view(ticks, rows, channels, height, width)))
        return logits


class ThroughSpikes(nn.Module):
    """Scenes ``(N, 3, 32, 32)`` or ``(N, T, 3, 32, 32)`` in [0, 1] to logits ``(N, K)``, without a picture between.

    camera: keyword arguments of :class:`~zoo.cameras.spike_camera.SpikeCamera`. network: those of :class:`OnSpikePlanes`.
    """

    def __init__(self, *, camera: dict[str, Any], network: dict[str, Any]) -> None:
        super().__init__()
        self.camera = SpikeCamera(**camera)
        self.network = OnSpikePlanes(**network)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of scenes in [0, 1]."""
        logits: Tensor = self.network(self.camera(x))
        return logits


def through_pictures(**arguments: Any) -> nn.Module:
    """A :class:`ThroughPictures` with its weights in channels-last order."""
    model: nn.Module = ThroughPictures(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def through_spikes(**arguments: Any) -> nn.Module:
    """A :class:`ThroughSpikes` with its weights in channels-last order."""
    model: nn.Module = ThroughSpikes(**arguments)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

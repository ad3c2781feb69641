"""A quality score of what a spike camera shows: scene, spikes, TFP picture, and a network of the zoo that scores it.

Scores are asked for again and must repeat, so that the camera is one without noise: its charge before the first tick is the
same for every pixel, and thresholds that differ from pixel to pixel are a property of the device. What is left of a camera
is that it counts: a picture has as many levels as there are ticks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.cameras.reconstruction import TFP
from zoo.cameras.spike_camera import SpikeCamera
from zoo.card import Part
from zoo.loading import build
from zoo.quality.base import channels_last


class ScoreThroughPictures(nn.Module):
    """Scenes ``(N, 3, H, W)`` or ``(N, T, 3, H, W)`` in [0, 1] to scores ``(N,)``, on the scale of the network.

    camera: keyword arguments of :class:`~zoo.cameras.spike_camera.SpikeCamera`. network: name and ``arguments`` of a builder
    of a quality model. Raises ``ValueError`` for a camera with noise, and for an unknown builder.
    """

    def __init__(self, *, camera: dict[str, Any], network: dict[str, Any]) -> None:
        super().__init__()
        self.camera = SpikeCamera(**camera)
        if self.camera.stochastic:
            raise ValueError("a score must repeat: give the camera an initial charge, no photons and no spurious spikes")
        self.reconstruction = TFP(scale=self.camera.intensity_of_rate)
        self.network = build(Part(**network))

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``(N,)`` of scenes in [0, 1]. A picture is cut off at 1, as one for the screen is."""
        picture = self.reconstruction(self.camera(x)).clamp(0, 1)
        scores: Tensor = self.network(picture.contiguous(memory_format=torch.channels_last))
        return scores


def score_through_pictures(**arguments: Any) -> nn.Module:
    """A :class:`ScoreThroughPictures` with its weights in channels-last order."""
    return channels_last(ScoreThroughPictures(**arguments))

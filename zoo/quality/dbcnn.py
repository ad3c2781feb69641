"""DBCNN (Zhang et al., IEEE TCSVT 2020): two convolutional branches whose features meet in a bilinear pool.

One branch describes the content of the image (VGG-16 there), one describes synthetic distortions (S-CNN: 3x3 convolutions,
some with stride 2). Their outer product is averaged over places, its square root taken, normalised to length 1, and read
linearly. Smaller here, and different: both branches start from random weights and learn from the scores alone (there they
are pretrained on ImageNet and on classifying distortions).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.architectures.blocks import ConvNorm
from zoo.quality.base import QualityModel, behind, channels_last
from zoo.quality.trunk import CHANNELS, Trunk

FLOOR = 1e-4
"""Added under the square root, whose slope at 0 is then 50; with the 1e-8 of the paper's code it is 5,000."""


class DistortionBranch(nn.Sequential):
    """S-CNN in small: 3x3 convolutions with BatchNorm and ReLU, every second one with stride 2, to stride 8."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        layers: list[nn.Module] = []
        inputs = CHANNELS
        for width in widths:
            layers += [ConvNorm(inputs, width, 3, stride=2), nn.ReLU()]
            inputs = width
        layers += [ConvNorm(inputs, inputs, 3), nn.ReLU()]
        super().__init__(*layers)


class DBCNN(QualityModel):
    """The model of this module's docstring. branch: channels of the three strides of the distortion branch."""

    def __init__(
        self,
        *,
        widths: tuple[int, int, int, int] = (16, 32, 64, 96),
        branch: tuple[int, int, int] = (12, 24, 48),
    ) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.distortion = DistortionBranch(branch)
        self.read = nn.Linear(widths[-1] * branch[-1], 1)

    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        """The uncalibrated score ``(N,)``, alone in a tuple."""
        content = self.trunk(x)[-1]
        distortion = self.distortion(self.trunk.prepare(x))
        distortion = F.interpolate(distortion, content.shape[2:], mode="bilinear", align_corners=False)
        places = content[0, 0].numel()
        product = torch.einsum("nap,nbp->nab", content.flatten(2), distortion.flatten(2)) / places
        pooled = F.normalize((product.flatten(1) + FLOOR).sqrt(), dim=1)
        return (self.read(pooled)[:, 0],)


def dbcnn(*, purify: dict[str, Any] | None = None, **arguments: Any) -> nn.Module:
    """A :class:`DBCNN` with its convolutions in channels-last order. purify: see :func:`~zoo.quality.base.behind`."""
    return behind(channels_last(DBCNN(**arguments)), purify)

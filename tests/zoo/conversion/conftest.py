"""A small source network whose thresholds and statistics differ from layer to layer."""

from __future__ import annotations

import pytest
import torch
from support.networks import settled
from torch import nn

from zoo.conversion.nq import ann_nq
from zoo.conversion.qcfs import QCFS

IMAGES = torch.rand(5, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def images() -> torch.Tensor:
    return IMAGES.clone()


@pytest.fixture
def source() -> nn.Module:
    torch.manual_seed(0)
    model = settled(ann_nq(widths=(4, 6, 6, 8)).double(), IMAGES)
    layers = [layer for layer in model.modules() if isinstance(layer, QCFS)]
    for layer, threshold in zip(layers, (1.3, 0.6, 2.1, 0.9), strict=True):
        nn.init.constant_(layer.threshold, threshold)
    return model.requires_grad_(False)

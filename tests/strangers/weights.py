"""The weights that a stranger and its twin share: one set for each kind of neuron, in one file, in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FILE = Path(__file__).parent / "weights" / "gallery.safetensors"
STEPS = 4
"""Time steps of every network of the gallery; the image is sent at each."""


@cache
def _file() -> dict[str, Tensor]:
    return load_file(FILE)


def weights_of(kind: str) -> dict[str, Tensor]:
    """Float32 tensors ``stem.weight``, ``stem.bias``, ``second.*``, ``readout.*`` of one kind of neuron."""
    prefix = f"{kind}."
    return {name.removeprefix(prefix): value.float() for name, value in _file().items() if name.startswith(prefix)}


def save(kinds: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write all sets, in half precision."""
    tensors = {
        f"{kind}.{name}": value.half().contiguous() for kind, values in kinds.items() for name, value in values.items()
    }
    save_file(tensors, FILE)


@torch.no_grad()
def fill(layer: nn.Module, kind: str, name: str, gain: float = 1.0) -> None:
    """Copy the weights ``name`` into a layer with ``weight`` and ``bias``.

    gain: a factor of the currents, for neurons that scale their input themselves.
    """
    weights = weights_of(kind)
    layer.weight.copy_(gain * weights[f"{name}.weight"])  # type: ignore[operator]
    layer.bias.copy_(gain * weights[f"{name}.bias"])  # type: ignore[operator]


class Layers(nn.Module):
    """The layers without neurons, as a network of others has them: ``conv1``, ``conv2``, ``pool``, ``fc``.

    gains: of the currents into the first and the second neurons.
    """

    def __init__(self, kind: str, gains: tuple[float, float] = (1.0, 1.0)) -> None:
        super().__init__()
        width, following = (len(weights_of(kind)[f"{name}.bias"]) for name in ("stem", "second"))
        self.conv1 = nn.Conv2d(3, width, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(width, following, 3, padding=1)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(following * 16, 10)
        fill(self.conv1, kind, "stem", gains[0])
        fill(self.conv2, kind, "second", gains[1])
        fill(self.fc, kind, "readout")

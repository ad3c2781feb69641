"""What the attacker's derivative costs in a network written by somebody else, as ratios to the network's own gradient.

``python tests/speed/strangers.py``: the weights of a zoo model in a network written by hand (a loop over time, an autograd
Function), one input gradient of 64 images. A ratio below 1 means that the function's own backward costs more.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import time
from itertools import pairwise

import torch
from support.strangers import CellOverTime, Recipe
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites

PATHS: dict[str, GradientPath] = {
    "triangle": BPTT(width=0.5),
    "triangle, reset detached": BPTT(width=0.5, reset="detached"),
    "atan": BPTT(surrogate="atan"),
    "PDSG": PDSG(),
    "ASSG": ASSG(),
    "ASSG, reset attached": ASSG(reset="attached"),
}
REPEATS = 7


class ByHand(nn.Module):
    """Four convolutions with neurons over time, as wide as the compact network of the zoo."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        widths = (3, 48, 96, 96, 96)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2 if i in (0, 2) else 1, padding=1) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.neurons = nn.ModuleList(CellOverTime(Recipe(decay=0.9)) for _ in self.convolutions)

    def forward(self, x: Tensor) -> Tensor:
        h = (4 * x - 2).expand(4, *x.shape)
        for convolution, neurons in zip(self.convolutions, self.neurons, strict=True):
            h = neurons(3 * convolution(h.flatten(0, 1)).unflatten(0, (4, -1)))
        return h.mean((0, 3, 4))


def seconds(model: nn.Module, path: GradientPath, x: Tensor, sites: SpikeSites | None) -> float:
    """Processor time of one input gradient, the third of a run."""
    session, rows = path.session(len(x)), torch.arange(len(x))
    for _ in range(3):
        leaf, began = x.clone().requires_grad_(), time.process_time()
        with session.applied(model, rows, learn=True, sites=sites):
            outputs = model(leaf).sum()
        torch.autograd.grad(outputs, leaf)
        took = time.process_time() - began
    return took


def main() -> None:
    """Print one ratio per path, and how long the recognition took."""
    torch.set_num_threads(1)
    model, x = ByHand().eval().requires_grad_(False), torch.rand(64, 3, 32, 32)
    began = time.process_time()
    sites = spiking_sites(model, x)
    say(f"recognition {time.process_time() - began:.2f} s")
    rounds = [
        (seconds(model, Training(), x, None), {name: seconds(model, path, x, sites) for name, path in PATHS.items()})
        for _ in range(REPEATS)
    ]
    own = min(first for first, _ in rounds)
    for name in PATHS:
        say(f"{name}: {min(times[name] for _, times in rounds) / own:.2f}")


if __name__ == "__main__":
    main()

"""Trains the gallery's networks on shipped images and writes their weights: ``make strangers TRAIN=1`` (four minutes).

Of the 2,000 CIFAR-10 images that ship, the last 1,600; the evaluations use the first ones. The networks are so small and the
images so few that less than half of the others come out right, which does not matter here: both twins answer alike.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.embedded import embedded_samples
from bench.training.augment import crop_flip
from strangers.twins import KINDS, STORED, Native, places
from strangers.weights import save
from zoo.architectures.blocks import ConvNorm
from zoo.conversion.qcfs import QCFS
from zoo.folding import folded

HELD_OUT, EPOCHS, BATCH, RATE = 400, 30, 100, 3e-3


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    """A convolution that is trained with BatchNorm."""
    return ConvNorm(inputs, outputs, kernel, stride=stride)


def trained(model: nn.Module) -> nn.Module:
    """The model after ``EPOCHS`` epochs, BatchNorm folded into its convolutions, in eval mode."""
    samples, generator = embedded_samples()[HELD_OUT:], torch.Generator().manual_seed(0)
    images, labels = (samples.images * 255).round().to(torch.uint8), samples.labels
    optimiser = torch.optim.Adam(model.parameters(), RATE)
    batches = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * batches)
    model.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            x = crop_flip(images[rows], generator).float() / 255
            loss = F.cross_entropy(model(x), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return folded(model.eval())


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a trained network, by their names in the file."""
    state = model.state_dict()
    return {name: state[place] for name, place in places(model).items()}


def converted(model: nn.Module) -> dict[str, Tensor]:
    """Weights of a source for neurons of threshold 1, and the two thresholds that its authors' code keeps in the neurons."""
    first, second = (layer.threshold.detach() for layer in model.modules() if isinstance(layer, QCFS))
    scales = {"stem": (1 / first, 1 / first), "second": (first / second, 1 / second), "readout": (second, torch.tensor(1.0))}
    tensors = weights(model)
    for name, (weight, bias) in scales.items():
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (
            tensors[f"{name}.weight"] * weight,
            tensors[f"{name}.bias"] * bias,
        )
    return tensors | {"thresholds": torch.stack([first, second])}


def main() -> None:
    """Train each kind from seed 0."""
    torch.set_num_threads(1)
    made: dict[str, dict[str, Tensor]] = {}
    for kind, neurons in KINDS.items():
        if kind in STORED:
            continue
        torch.manual_seed(0)
        is_source = kind == "qcfs"
        layers = (QCFS(threshold=4.0), QCFS(threshold=4.0)) if is_source else neurons()
        model = trained(Native(layers, convolution=conv_norm, steps=1 if is_source else 4, residual=kind == "residual"))
        finish: Callable[[nn.Module], dict[str, Tensor]] = converted if is_source else weights
        made[kind] = finish(model)
        x, y = (samples := embedded_samples()[:HELD_OUT]).images, samples.labels
        with torch.no_grad():
            sys.stdout.write(f"{kind}: {float((model(x).argmax(1) == y).float().mean()):.1%} of {HELD_OUT} others\n")
    save(made)


if __name__ == "__main__":
    main()

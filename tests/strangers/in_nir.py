"""A network as a graph in a file: NIR (Pedersen et al., 2024), written by its own package."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np

from strangers.twins import DECAY, THRESHOLD
from strangers.weights import STEPS, weights_of


def chain(folder: Path) -> str:
    """Write the graph into ``folder``; the name under which the suite opens it."""
    weights = {name: tensor.numpy() for name, tensor in weights_of("lif").items()}
    nodes = {
        "input": nir.Input(input_type=np.array([3, 32, 32])),
        "conv1": convolution((32, 32), weights["stem.weight"], weights["stem.bias"], stride=2, padding=2),
        "lif1": neurons(12, 16, 16),
        "pool1": pool(),
        "conv2": convolution((8, 8), weights["second.weight"], weights["second.bias"], stride=1, padding=1),
        "lif2": neurons(24, 8, 8),
        "pool2": pool(),
        "flatten": nir.Flatten(input_type={"input": np.array([24, 4, 4])}, start_dim=0, end_dim=-1),
        "fc": nir.Affine(weights["readout.weight"], weights["readout.bias"]),
        "output": nir.Output(output_type=np.array([10])),
    }
    path = folder / "chain.nir"
    nir.write(path, nir.NIRGraph(nodes, list(zip(nodes, list(nodes)[1:], strict=False))))
    return f"nir:{path},reset=hard,steps={STEPS}"


def convolution(size: tuple[int, int], weight: np.ndarray, bias: np.ndarray, *, stride: int, padding: int) -> nir.NIRNode:
    """A ``Conv2d`` node."""
    return nir.Conv2d(size, weight, (stride, stride), (padding, padding), (1, 1), 1, bias)


def pool() -> nir.NIRNode:
    """Means over 2 x 2 windows."""
    return nir.AvgPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))


def neurons(*shape: int) -> nir.NIRNode:
    """LIF in continuous time, such that a step of length 1 decays by ``DECAY`` and adds the whole input."""
    tau = 1 / (1 - DECAY)
    return nir.LIF(
        tau=np.full(shape, tau),
        r=np.full(shape, tau),
        v_leak=np.zeros(shape),
        v_threshold=np.full(shape, THRESHOLD),
    )

"""Networks in the Neuromorphic Intermediate Representation (NIR, Pedersen et al., 2024), as networks of this suite.

A ``.nir`` file is a graph in HDF5: nodes with their parameters, and edges. It is read with h5py alone, and nothing in it is
executed. A chain of nodes becomes a :class:`~zoo.spiking.network.TimeSequential` of layers whose backward an attacker may
choose. NIR describes neurons in continuous time; what it leaves open is said here: the time step, the reset, and the
surrogate. Other graphs than chains, and other nodes, are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Reset
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.signals import repeated

INSTALL = "pip install 'spikebench[nir]'"


@dataclass(frozen=True, kw_only=True)
class Discretisation:
    """What NIR leaves to whoever runs a network.

    reset: ``soft`` subtracts the threshold, as in sinabs; ``hard`` sets the potential to 0. dt: length of a step, in the
    unit of the file's time constants. surrogate: the slope of a spike on the way back. steps: T, for still images.
    """

    reset: Reset = "soft"
    dt: float = 1.0
    surrogate: str = "triangle"
    steps: int = 10


Node = dict[str, Any]
"""``type``, and parameters as tensors or numbers."""


class NirNetwork(nn.Module):
    """Frames ``(N, T, C, H, W)``, or still images ``(N, C, H, W)`` at each step, to mean outputs over time ``(N, K)``."""

    def __init__(self, layers: list[nn.Module], steps: int, frame_dims: int) -> None:
        super().__init__()
        self.layers, self.steps, self.frame_dims = TimeSequential(*layers), steps, frame_dims

    def forward(self, x: Tensor) -> Tensor:
        """Mean outputs ``(N, K)`` for frames ``(N, T, ...)`` or still inputs ``(N, ...)``."""
        still = x.dim() == self.frame_dims + 1
        outputs: Tensor = self.layers(repeated(x, self.steps) if still else x.transpose(0, 1))
        return outputs.mean(0)


class Scaled(nn.Module):
    """Elementwise product with a constant of the shape of one sample, or of its first axes."""

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale.float())

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``(N, ...)`` or ``(T, N, ...)`` times the scale."""
        return x * self.scale


class SumPool(nn.Module):
    """Sums over windows."""

    def __init__(self, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(size, stride, padding, divisor_override=1)

    def forward(self, x: Tensor) -> Tensor:
        """Sums ``(N, C, H', W')`` over windows of ``x`` ``(N, C, H, W)``."""
        sums: Tensor = self.pool(x)
        return sums


def load_nir(path: Path, how: Discretisation) -> NirNetwork:
    """The network of a ``.nir`` file, in eval mode.

    Raises ``ModuleNotFoundError`` if h5py is not installed, ``OSError`` for a file that is none of HDF5, ``ValueError`` for
    graphs that are no chain, and for nodes or parameters that are not known here.
    """
    nodes, edges = _read(path)
    order = _chain(nodes, edges)
    layers: list[nn.Module] = []
    for name in order:
        layers += _layers(nodes[name], how)
    shape = nodes[order[0]].get("shape")
    dims = len(shape) if shape is not None else 3
    return NirNetwork(layers, how.steps, dims).eval()


def _read(path: Path) -> tuple[dict[str, Node], list[tuple[str, str]]]:
    import h5py

    with h5py.File(path, "r") as file:
        if "node/nodes" not in file or "node/edges" not in file:
            raise ValueError(f"{path.name} holds no graph of NIR")
        groups = file["node/nodes"].items()
        nodes = {name: {key: _value(entry[()]) for key, entry in group.items()} for name, group in groups}
        edges = [(_value(source), _value(target)) for source, target in file["node/edges"][()]]
    return nodes, edges


def _value(given: Any) -> Any:
    if isinstance(given, bytes):
        return given.decode()
    return torch.as_tensor(given)


def _chain(nodes: Mapping[str, Node], edges: list[tuple[str, str]]) -> list[str]:
    """Names of the nodes from input to output. Raises ``ValueError`` for branches and loops."""
    following = dict(edges)
    starts = [name for name, node in nodes.items() if node.get("type") == "Input"]
    if len(following) < len(edges) or len(starts) != 1:
        raise ValueError("its graph has branches, and only chains can be read")
    order = [starts[0]]
    while order[-1] in following:
        order.append(following[order[-1]])
        if len(order) > len(nodes):
            raise ValueError("its graph has a loop, and only chains can be read")
    if len(order) < len(nodes) or nodes[order[-1]].get("type") != "Output":
        raise ValueError("its graph has branches, and only chains can be read")
    return order


def _layers(node: Node, how: Discretisation) -> list[nn.Module]:
    kind = str(node.get("type"))
    if kind in ("Input", "Output"):
        return []
    if kind not in MAKERS:
        raise ValueError(f"it has a node of type {kind}; known are {', '.join(sorted(MAKERS))}")
    try:
        return MAKERS[kind](node, how)
    except KeyError as error:
        raise ValueError(f"a node of type {kind} lacks {error.args[0]}") from error


def _pair(value: Tensor) -> tuple[int, int]:
    """Height and width, from two numbers or one."""
    first, *rest = (int(number) for number in value.reshape(-1))
    return first, rest[0] if rest else first


def _windows(node: Node) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    return _pair(node["kernel_size"]), _pair(node["stride"]), _pair(node["padding"])


def _convolution(node: Node, how: Discretisation) -> list[nn.Module]:
    weight, bias = node["weight"].float(), node.get("bias")
    groups = int(node["groups"])
    padding = node["padding"] if isinstance(node["padding"], str) else _pair(node["padding"])
    layer = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        _pair(node["stride"]),
        padding,
        _pair(node["dilation"]),
        groups,
        bias is not None,
    )
    return [_filled(layer, weight, bias)]


def _linear(node: Node, how: Discretisation) -> list[nn.Module]:
    weight, bias = node["weight"].float(), node.get("bias")
    return [_filled(nn.Linear(weight.shape[1], weight.shape[0], bias is not None), weight, bias)]


def _filled(layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor | None) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None and layer.bias is not None:
            layer.bias.copy_(bias)
    return layer


def _flatten(node: Node, how: Discretisation) -> list[nn.Module]:
    """NIR counts axes without the batch."""
    start, end = int(node["start_dim"]), int(node["end_dim"])
    return [nn.Flatten(start + 1 if start >= 0 else start, end + 1 if end >= 0 else end)]


def _neurons(node: Node, how: Discretisation) -> list[nn.Module]:
    """Integrate and fire: ``v += dt r I``. Potentials are measured in thresholds, so that each neuron may have its own."""
    _without_offsets(node, how)
    return [Scaled(how.dt * node["r"] / node["v_threshold"]), LIF(decay=1.0, reset=how.reset, surrogate=how.surrogate)]


def _leaky(node: Node, how: Discretisation) -> list[nn.Module]:
    """``tau dv/dt = -v + r I``, one Euler step: ``v = (1 - dt / tau) v + dt / tau r I``."""
    _without_offsets(node, how)
    rates = (how.dt / node["tau"]).float().reshape(-1)
    if float(rates.max() - rates.min()) > 1e-6 * float(rates.max()) or float(rates.max()) > 1:
        raise ValueError("its neurons need one time constant for a layer, of at least dt")
    scale = how.dt / node["tau"] * node["r"] / node["v_threshold"]
    decay = 1 - float(rates[0])
    return [Scaled(scale), LIF(decay=decay, reset=how.reset, surrogate=how.surrogate)]


def _without_offsets(node: Node, how: Discretisation) -> None:
    names = ("v_leak", "v_reset") if how.reset == "hard" else ("v_leak",)
    for name in names:
        if name in node and bool((node[name] != 0).any()):
            raise ValueError(f"its neurons have a {name} other than 0")


MAKERS: dict[str, Callable[[Node, Discretisation], list[nn.Module]]] = {
    "Conv2d": _convolution,
    "Affine": _linear,
    "Linear": _linear,
    "Flatten": _flatten,
    "SumPool2d": lambda node, how: [SumPool(*_windows(node))],
    "AvgPool2d": lambda node, how: [nn.AvgPool2d(*_windows(node))],
    "Scale": lambda node, how: [Scaled(node["scale"])],
    "IF": _neurons,
    "LIF": _leaky,
}
"""Type of a node to what makes its layers."""

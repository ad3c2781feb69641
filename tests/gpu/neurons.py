"""How long neurons and networks take, against SpikingJelly on the same machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product

import torch
import torch.nn.functional as F
from figures import Report, milliseconds
from torch import Tensor, nn

import bench
from attacks.gradients.base import Dynamics
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.surrogates import Surrogate
from zoo.architectures.compact import Compact
from zoo.folding import folded
from zoo.spiking.kernels import IntegrateAndFire

THEIRS = "SpikingJelly"
BAR = 1.2
"""How much faster than SpikingJelly's kernels a layer must be."""


def layers(report: Report) -> None:
    """Forward and backward of one layer: of a million neurons, where launching counts, and of four, where memory does."""
    sizes = (256,) if report.dry else (2**20, 2**22)
    every = (4, 8) if report.dry else (4, 8, 16, 32)
    for units, steps, dtype in product(sizes, every, (torch.float32, torch.float16)):
        x = (torch.randn(steps, units) + 0.6).to(report.device, dtype)
        incoming = torch.randn(steps, units).to(report.device, dtype)
        name = f"LIF forward and backward, {units} neurons, T={steps}, {str(dtype).removeprefix('torch.')}"
        ours = milliseconds(both(as_in_jelly, x, incoming), report.device)
        report.figure(name, ours, "ms")
        bytes_moved = 6 * x.numel() * x.element_size()  # current, potential, spikes; their gradient, potential, the result
        report.figure(f"{name}, memory traffic", bytes_moved / ours / 1e6, "GB/s")
        if find_spec("spikingjelly") is None:
            report.skip(f"{name}, against {THEIRS}", "SpikingJelly is not installed")
            continue
        try:
            theirs = milliseconds(both(jelly(), x, incoming), report.device)
        except RuntimeError as error:  # its Triton kernels take no float16
            report.skip(f"{name}, against {THEIRS}", str(error).splitlines()[0])
            continue
        report.figure(f"{name}, against {THEIRS}", theirs / ours, "x as fast", least=BAR, note=kernels(report))


def as_in_jelly(x: Tensor) -> Tensor:
    """The neurons of :func:`jelly` in ours."""
    spikes: Tensor = IntegrateAndFire.apply(x, Dynamics(0.5, 1.0, "hard"), ThroughTime(Surrogate("atan"), attached=False))
    return spikes


def jelly() -> Callable[[Tensor], Tensor]:
    """The same neurons in SpikingJelly."""
    from spikingjelly.activation_based import neuron, surrogate

    layer = neuron.LIFNode(
        tau=2.0, decay_input=False, surrogate_function=surrogate.ATan(alpha=2.0), detach_reset=True, step_mode="m"
    )

    def run(x: Tensor) -> Tensor:
        layer.reset()
        spikes: Tensor = layer(x)
        return spikes

    return run


def kernels(report: Report) -> str:
    """Which of SpikingJelly's kernels were asked for."""
    chosen = os.environ.get("SJ_LIF_CUDA_IMPLEMENTATION", "auto")
    return f"its kernels: {chosen}" if report.device.type == "cuda" else "in torch operations, on a CPU"


def both(run: Callable[[Tensor], Tensor], x: Tensor, incoming: Tensor) -> Callable[[], object]:
    """A task: forward and backward."""

    def task() -> object:
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(run(leaf), leaf, incoming)

    return task


def networks(report: Report) -> None:
    """Input gradients of the compact network."""
    rows = 2 if report.dry else 2048
    for steps in (4,) if report.dry else (4, 8):
        model = bench.load("snn_vanilla")
        if not isinstance(model, Compact):
            raise TypeError("snn_vanilla is no compact network")
        model.encoder.steps = steps
        x = torch.rand(rows, 3, 32, 32).to(report.device)
        labels = torch.zeros(rows, dtype=torch.int64, device=report.device)
        asked: dict[str, nn.Module] = {"ours, folded": folded(model.to(report.device))}
        if find_spec("spikingjelly") is None:
            report.skip(f"compact network of {THEIRS}, T={steps}", "SpikingJelly is not installed")
        else:
            from support.spikingjelly_twin import compact_in_spikingjelly

            asked[THEIRS] = compact_in_spikingjelly(model).to(report.device)
        times = {}
        for name, network in asked.items():
            times[name] = milliseconds(input_gradient(network, x, labels), report.device, rounds=10)
            report.figure(f"input gradient of the compact network, T={steps}, {rows} rows, {name}", times[name], "ms")
        if THEIRS in times:
            ratio = times[THEIRS] / times["ours, folded"]
            report.figure(f"input gradient against {THEIRS}, T={steps}", ratio, "x as fast")


def input_gradient(model: nn.Module, x: Tensor, labels: Tensor) -> Callable[[], object]:
    """A task."""

    def task() -> object:
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(F.cross_entropy(model(leaf), labels, reduction="sum"), leaf)

    return task

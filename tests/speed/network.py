"""(a) The network: ours against the same architecture and weights in SpikingJelly 2.0.

Forward, input gradient (what an attack pays) and training step, T = 4 and T = 8, each as its
users would run it: theirs repeats the image and convolves it T times, ours does not; then with
the first convolution done once in both. Logits agree, or the script stops.
"""

from __future__ import annotations

from side_by_side import in_turns, say  # isort: skip

import torch
import torch.nn.functional as F
from support.spikingjelly_twin import compact_in_spikingjelly
from torch import Tensor, nn

import bench
from bench.memory import keep_freed_memory
from zoo.architectures.compact import Compact

BATCH = 64
BAR = 3.0


def input_gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(leaf), y, reduction="sum"), leaf)
    return gradient


def training_step(model: nn.Module, x: Tensor, y: Tensor) -> None:
    for parameter in model.parameters():
        parameter.grad = None
    F.cross_entropy(model(x), y).backward()


def forward(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(x)
    return logits


def measure(steps: int) -> None:
    x, y = bench.load_data("cifar10", n=BATCH)
    ours = bench.load("snn_vanilla")
    assert isinstance(ours, Compact)
    ours.encoder.steps = steps
    twins = {"as used": compact_in_spikingjelly(ours), "conv once": compact_in_spikingjelly(ours, first_conv_once=True)}
    for twin in twins.values():
        difference = float((forward(twin, x) - forward(ours, x)).abs().max())
        if difference > 1e-3:
            raise SystemExit(f"the networks disagree by {difference}")
    models = {"ours": ours, **twins}
    for what, task in (
        ("forward", lambda m: forward(m, x)),
        ("input gradient", lambda m: input_gradient(m, x, y)),
    ):
        report(steps, what, in_turns({name: lambda m=model, t=task: t(m) for name, model in models.items()}))
    for model in models.values():
        model.requires_grad_(True).train()
    report(
        steps, "training step", in_turns({name: lambda m=model: training_step(m, x, y) for name, model in models.items()})
    )


def report(steps: int, what: str, times: dict[str, float]) -> None:
    ratios = "   ".join(
        f"{name} {times[name] * 1e3:6.1f} ms = {times[name] / times['ours']:4.2f}x" for name in list(times)[1:]
    )
    say(f"T={steps}  {what:15}  ours {times['ours'] * 1e3:6.1f} ms   SpikingJelly {ratios}")


if __name__ == "__main__":
    keep_freed_memory()
    say(f"(a) network: batch {BATCH}, {torch.get_num_threads()} threads; bar: input gradient as used >= {BAR}x")
    for steps in (4, 8):
        measure(steps)

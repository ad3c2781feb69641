"""(a) The network: ours against the same architecture and weights in SpikingJelly 2.0.

Forward, input gradient (what an attack pays) and training step, T = 4 and T = 8, each as its users would run it.

ours            the network as ``zoo.load`` returns it
canonical       its canonical form, which every attack here asks for gradients and every verdict for decisions
SpikingJelly    as used: the image is repeated and convolved T times, BatchNorm as it is; and, second, with the first
                convolution and its BatchNorm done once, as ours does

All on the same weights and images, in float32 but for the backward of the canonical form's convolutions, which use bfloat16
where the processor multiplies it; logits agree, or the script stops. The headlines are the input gradient of the canonical
form against SpikingJelly as used, and its forward against that of the network as it is.
"""

from __future__ import annotations

from side_by_side import in_turns, say  # isort: skip

import torch
import torch.nn.functional as F
from support.spikingjelly_twin import compact_in_spikingjelly
from torch import Tensor, nn

import bench
from bench.foundation.memory import keep_freed_memory
from zoo.architectures.compact import Compact
from zoo.canonical.convert import canonical

BATCH = 64
BAR, FORWARD_BAR = 4.0, 2.4


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
    twin = canonical(ours)
    if twin is None:
        raise SystemExit("the network has no canonical form")
    for what, task in (
        ("forward", lambda m: forward(m, x)),
        ("input gradient", lambda m: input_gradient(m, x, y)),
    ):
        asked = {"ours": ours, "canonical": twin, **twins}
        times = in_turns({name: lambda m=model, t=task: t(m) for name, model in asked.items()})
        for mine in ("ours", "canonical"):
            report(steps, what, mine, times)
        if what == "forward":
            say(f"T={steps}  forward of the canonical form: {times['ours'] / times['canonical']:.2f}x the network as it is")
    models = {"ours": ours, **twins}
    for model in models.values():
        model.requires_grad_(True).train()
    times = in_turns({name: lambda m=model: training_step(m, x, y) for name, model in models.items()})
    report(steps, "training step", "ours", times)


def report(steps: int, what: str, mine: str, times: dict[str, float]) -> None:
    theirs = [name for name in times if name not in ("ours", "canonical")]
    ratios = "   ".join(f"{name} {times[name] * 1e3:6.1f} ms = {times[name] / times[mine]:4.2f}x" for name in theirs)
    say(f"T={steps}  {what:15} {mine:13} {times[mine] * 1e3:6.1f} ms   SpikingJelly {ratios}")


if __name__ == "__main__":
    keep_freed_memory()
    torch.set_num_threads(1)
    say(f"(a) network: batch {BATCH}, CPU time of one thread; bars: input gradient >= {BAR}x, forward >= {FORWARD_BAR}x")
    for steps in (4, 8):
        measure(steps)

"""(c) The whole job: ours against foolbox LinfPGD and torchattacks PGD on the SpikingJelly network.

Equal eps, steps, step size and samples; each library as its users would call it, scoring included; CPU time of one thread,
and robust accuracy (on the true network, over all samples) beside it. Ours also measures the noise baseline (the worst of 11
draws) and scores adversarial images after rounding to 8 bits, which the others do not. A second attack on a model finds
clean answers and noise baseline beside the records.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import foolbox
import torch
import torchattacks
from network import forward
from support.spikingjelly_twin import compact_in_spikingjelly
from torch import Tensor, nn

import bench
from bench.foundation.memory import keep_freed_memory

SIZES, BATCH, STEPS, EPS = (250, 1000), 50, 10, 8 / 255
BARS = {"foolbox": (4.0, 6.0), "torchattacks": (3.0, 5.0)}
"""Of the first attack on a model, and of the second."""


def ours(name: str, n: int, out: Path) -> tuple[float, float, float]:
    """CPU seconds of the first attack on a model, of the second, and robust accuracy of the second."""
    seconds = []
    for seed in (0, 1):
        began = time.process_time()
        attack = f"pgd:steps={STEPS},step_size={2.5 * EPS / STEPS}" if seed else f"pgd:steps={STEPS}"
        record = bench.evaluate(f"zoo:{name}", attack=attack, eps="8/255", n=n, out=out)
        seconds.append(time.process_time() - began)
    return seconds[0], seconds[1], record.results[0].robust.value


def with_foolbox(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=2.5 * EPS / STEPS, random_start=True)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    _, clipped, _ = attack(wrapped, x, y, epsilons=EPS)
    return clipped


def with_torchattacks(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    adversarial: Tensor = torchattacks.PGD(model, eps=EPS, alpha=2.5 * EPS / STEPS, steps=STEPS, random_start=True)(x, y)
    return adversarial


def theirs(name: str, n: int, attack) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    x, y = bench.load_data("cifar10", n=n)
    model = bench.load(name)
    began = time.process_time()
    twin = compact_in_spikingjelly(model).requires_grad_(True)
    right = torch.cat([forward(twin, part).argmax(1) for part in x.split(BATCH)]) == y
    hits = 0
    for a, b, fine in zip(x.split(BATCH), y.split(BATCH), right.split(BATCH), strict=True):
        adv = attack(twin, a, b)
        hits += int(((forward(twin, adv).argmax(1) == b) & fine).sum())
    return time.process_time() - began, hits / n


if __name__ == "__main__":
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    say(
        f"(c) whole job: PGD-{STEPS} at 8/255, CPU time of one thread; bars (first, second attack): {BARS}, robust no higher"
    )
    for name, n in product(("snn_vanilla", "snn_at"), SIZES):
        with TemporaryDirectory() as folder:
            first, second, robust = ours(name, n, Path(folder))
        say(f"{name:12} {n:5}  bench         {first:6.1f} s first, {second:6.1f} s second  robust {100 * robust:5.1f}%")
        for library, attack in (("foolbox", with_foolbox), ("torchattacks", with_torchattacks)):
            seconds, left = theirs(name, n, attack)
            say(
                f"{name:12} {n:5}  {library:12}  {seconds:6.1f} s = {seconds / first:4.1f}x first,"
                f" {seconds / second:4.1f}x second"
                f"  robust {100 * left:5.1f}%"
            )

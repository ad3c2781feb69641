"""(c) The whole job: ours against foolbox LinfPGD and torchattacks PGD on the SpikingJelly network.

Equal eps, steps, step size and samples; each library as its users would call it, scoring
included; robust accuracy (on the true network, over all samples) beside every time. Ours also measures the
noise baseline (the worst of 11 draws) and scores adversarial images again and after rounding to 8 bits,
which the others do not; its attack alone, verification included, is shown as well.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import time

import foolbox
import torch
import torchattacks
from network import forward
from support.spikingjelly_twin import compact_in_spikingjelly
from torch import Tensor, nn

import bench
from bench.foundation.memory import keep_freed_memory

N, BATCH, STEPS, EPS, BAR = 250, 50, 10, 8 / 255, 3.0


def ours(name: str) -> tuple[float, float, float]:
    began = time.perf_counter()
    record = bench.evaluate(f"zoo:{name}", attack=f"pgd:steps={STEPS}", eps="8/255", n=N)
    return time.perf_counter() - began, record.results[0].seconds, record.results[0].robust.value


def with_foolbox(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=2.5 * EPS / STEPS, random_start=True)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    _, clipped, _ = attack(wrapped, x, y, epsilons=EPS)
    return clipped


def with_torchattacks(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    adversarial: Tensor = torchattacks.PGD(model, eps=EPS, alpha=2.5 * EPS / STEPS, steps=STEPS, random_start=True)(x, y)
    return adversarial


def theirs(name: str, attack) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    x, y = bench.load_data("cifar10", n=N)
    model = bench.load(name)
    began = time.perf_counter()
    twin = compact_in_spikingjelly(model).requires_grad_(True)
    right = torch.cat([forward(twin, part).argmax(1) for part in x.split(BATCH)]) == y
    hits = 0
    for a, b, fine in zip(x.split(BATCH), y.split(BATCH), right.split(BATCH), strict=True):
        adv = attack(twin, a, b)
        hits += int(((forward(twin, adv).argmax(1) == b) & fine).sum())
    return time.perf_counter() - began, hits / N


if __name__ == "__main__":
    keep_freed_memory()
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    say(f"(c) whole job: PGD-{STEPS} at 8/255, {N} images, {threads} threads; bar: >= {BAR}x, robust no higher")
    for name in ("snn_vanilla", "snn_at"):
        mine, alone, robust = ours(name)
        say(f"{name:12}  bench         {mine:6.1f} s  ({alone:.1f} s the attack alone)  robust {100 * robust:5.1f}%")
        for library, attack in (("foolbox", with_foolbox), ("torchattacks", with_torchattacks)):
            seconds, left = theirs(name, attack)
            ratios = f"{seconds / mine:4.1f}x ({seconds / alone:.1f}x the attack alone)"
            say(f"{name:12}  {library:12}  {seconds:6.1f} s = {ratios}  robust {100 * left:5.1f}%")

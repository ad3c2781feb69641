"""(d) The attack sets on snn_at: CPU seconds of one thread, what each stage costs, and what survivors alone save.

Bars: ``quick`` on 300 images at 8/255 at most 8.5 s, ``standard`` on 100 images at 2/255 at most 30 s. The share saved is
against running every stage on all samples that are right without an attack.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import time

import torch

import bench
from bench.foundation.memory import keep_freed_memory

RUNS = (("quick", 300, "8/255", 8.5), ("standard", 100, "2/255", 30.0))


def measure(name: str, attack: str, n: int, eps: str, bar: float) -> None:
    began = time.process_time()
    record = bench.evaluate(f"zoo:{name}", attack=attack, eps=eps, n=n, workers=1)
    seconds = time.process_time() - began
    cell = record.results[0]
    say(f"{name}  {attack:8}  {eps}, {n} images: {seconds:.1f} s (bar {bar:.1f}); robust {100 * cell.robust.value:.1f}%")
    everyone = cell.stages[0].attempted
    whole = sum(stage.seconds / max(stage.attempted, 1) * everyone for stage in cell.stages)
    say(f"{'':10}saved by attacking survivors only: {1 - cell.seconds / whole:.0%}")
    for stage in cell.stages:
        say(
            f"{'':10}{stage.name:34} {stage.attempted:4d} attempted  {stage.broken:3d} broken  "
            f"{stage.forwards:6.1f} + {stage.backwards:5.1f} passes each  {stage.seconds:6.1f} s"
        )


if __name__ == "__main__":
    keep_freed_memory()
    torch.set_num_threads(1)
    say("(d) attack sets, CPU time of one thread")
    measure("snn_at", "pgd", 10, "8/255", float("inf"))  # compiled loops are loaded once
    for attack, n, eps, bar in RUNS:
        measure("snn_at", attack, n, eps, bar)

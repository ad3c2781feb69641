"""(d) The attack sets: what each stage costs, and what is saved by running it on survivors only.

Bars: ``standard`` on snn_at at 2/255 at most 20 minutes for 500 images, ``quick`` at most 3 minutes for 1,000, on 2 cores.
The share saved is against running every stage on all samples that are right without attack.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import torch

import bench
from bench.foundation.memory import keep_freed_memory

RUNS = (("quick", 1000, 3.0), ("standard", 500, 20.0))


def measure(name: str, attack: str, n: int, bar: float) -> None:
    record = bench.evaluate(f"zoo:{name}", attack=attack, eps="2/255", n=n)
    cell = record.results[0]
    say(
        f"{name}  {attack:8}  2/255, {n} images: {record.seconds / 60:.1f} min (bar {bar:.0f}), "
        f"of which the attack {cell.seconds / 60:.1f}; robust {100 * cell.robust.value:.1f}%"
    )
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
    say(f"(d) attack sets on {torch.get_num_threads()} threads")
    for attack, n, bar in RUNS:
        measure("snn_at", attack, n, bar)

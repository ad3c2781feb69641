"""(e) Memory: the largest resident set of a process that attacks VGG-11 over 8 steps along ASSG.

ASSG keeps two floats per neuron, step and row: 16 MB a row here, 4 GB for 250 rows at once. An evaluation therefore cuts its
samples into shards (see ``bench/evaluation/request/shards.py``) and its queries into micro-batches. The evaluation runs in a
process of its own, on random images and untrained weights; its labels are the network's answers, so that rows stay.
"""

from __future__ import annotations

from side_by_side import say  # isort: skip

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import torch

ROWS, BAR = 250, 2.5


def attack(rows: int) -> None:
    """Evaluate the network on so many images under two steps of PGD."""
    import bench
    from bench.foundation.memory import keep_freed_memory
    from zoo.architectures.vgg import vgg

    keep_freed_memory()
    torch.manual_seed(0)
    model = vgg(plan="vgg11", steps=8, neuron={"decay": 0.99, "surrogate": "triangle"}).eval()
    images = torch.rand(rows, 3, 32, 32)
    with torch.no_grad():
        labels = torch.cat([model(part).argmax(1) for part in images.split(25)])
    record = bench.evaluate(model, data=(images, labels), attack="pgd:steps=2", path="assg", eps="2/255", n=None)
    cell = record.results[0]
    say(f"    {rows} images, clean {cell.clean.value:.0%}, robust {cell.robust.value:.0%}, {record.seconds:.0f} s")


def main() -> None:
    """Print the peak of a child process in GB (1e9 bytes), and the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        attack(chosen.rows)
        return
    command = [sys.executable, Path(__file__).resolve(), "--child", "--rows", str(chosen.rows)]
    subprocess.run(command, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    say(f"(e) memory: VGG-11, T=8, ASSG, {chosen.rows} rows: {peak:.2f} GB at the peak; bar: {BAR} GB for {ROWS} rows")


if __name__ == "__main__":
    main()

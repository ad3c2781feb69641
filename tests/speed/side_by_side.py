"""Timing things against each other on a noisy machine: CPU time of one thread, in turns, in one process, as medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def in_turns(tasks: Mapping[str, Callable[[], object]], *, rounds: int = 7) -> dict[str, float]:
    """Median CPU seconds of each task. Rounds go through all tasks, so that a slow spell hits them alike."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            began = time.process_time()
            task()
            times[name].append(time.process_time() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def say(line: str = "") -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

"""Counts what a process and all its descendants use, from outside, where foreign code cannot interfere.

Limits of the kernel on a user do not hold for root and are not shared between processes, so this does not rest on them.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.boards.submission.namespaces import Limits

PROC = Path("/proc")
LEAST_LEFT = 256 * 2**20
"""Bytes of memory that must stay available on the machine: what is hidden from the counts ends here."""


@dataclass(frozen=True)
class Usage:
    """processes: descendants. memory: bytes that they alone hold, shared memory included."""

    processes: int
    memory: int


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``. Orphans of a process namespace stay below its first process."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir(PROC):
        if entry.name.isdecimal():
            try:
                with open(f"/proc/{entry.name}/stat", "rb") as file:  # noqa: PTH123 -- a thousand of them, many times a second
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    processes, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        processes += below
        waiting += below
    return processes


def usage(pid: int) -> Usage:
    """What the descendants of ``pid`` use."""
    processes = descendants(pid)
    return Usage(len(processes), sum(map(_memory, processes)))


def _memory(pid: int) -> int:
    """Anonymous and shared pages; pages of libraries, which all processes share, do not count."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def available() -> int:
    """Bytes of memory that the machine can still give."""
    for line in (PROC / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 2**62


class Watchdog:
    """Says which limit is broken, if one is."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self._pid, self._limits = pid, limits
        self._end = time.monotonic() + limits.seconds

    def complaint(self) -> str | None:
        """In words, None if all is well."""
        limits = self._limits
        if time.monotonic() > self._end:
            return f"took more than {limits.seconds:g} s"
        used = usage(self._pid)
        if used.processes > limits.processes:
            return f"started more than {limits.processes} processes"
        if used.memory > limits.memory:
            return f"used more than {limits.memory / 2**30:.2g} GiB of memory"
        if available() < LEAST_LEFT:
            return "left the machine without memory"
        return None

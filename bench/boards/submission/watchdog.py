"""Counts what a process and all its descendants use, from outside, where foreign code cannot interfere.

Limits of the kernel on a user do not hold for root and are not shared between processes, so this does not rest on them.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.boards.submission.control_group import ControlGroup
from bench.boards.submission.namespaces import Limits

PROC = Path("/proc")
IN_MEMORY = ("tmp", "dev/shm")
"""Folders of the place whose files lie in memory."""
PRIVATE = ("RssAnon", "HugetlbPages", "VmPTE")
"""Memory that a process alone holds. Tables of pages are memory, too: those of a terabyte that is only read take 2 GiB."""
FILE = 2**10
"""Bytes that the kernel takes for a file in memory beside its content."""
LEAST_LEFT = 256 * 2**20
"""Bytes of memory that must stay available on the machine: what is hidden from the counts ends here."""


@dataclass(frozen=True)
class Usage:
    """processes: descendants. memory: bytes that they alone hold, shared memory and files in memory included."""

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
    """What the descendants of ``pid`` use.

    Shared pages are counted where processes map them, or where they lie as files: whichever is more, as most are both.
    """
    processes = descendants(pid)
    status = [_status(process) for process in processes]
    shared = sum(fields.get("RssShmem", 0) for fields in status)
    private = sum(fields.get(name, 0) for fields in status for name in PRIVATE)
    return Usage(len(processes), private + max(shared, _files(processes)))


def _status(pid: int) -> dict[str, int]:
    """Bytes of private and of shared memory; pages of libraries, which all processes share, do not count."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return {}
    counted = tuple(f"{name}:" for name in (*PRIVATE, "RssShmem"))
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(counted)}


def _files(processes: list[int]) -> int:
    """Bytes of the files that lie in memory in the place of these processes, seen through the last of them."""
    for pid in reversed(processes):
        with contextlib.suppress(OSError):
            places = [PROC / str(pid) / "root" / name for name in IN_MEMORY]
            if places[0].stat().st_dev == Path("/tmp").stat().st_dev:  # noqa: S108 -- it is not yet in its place
                continue
            return sum(held_by(os.statvfs(place)) for place in places)
    return 0


def held_by(files: os.statvfs_result) -> int:
    """Bytes that a file system in memory takes; a million empty files take a gigabyte."""
    return (files.f_blocks - files.f_bfree) * files.f_frsize + (files.f_files - files.f_ffree) * FILE


def available() -> int:
    """Bytes of memory that the machine can still give."""
    for line in (PROC / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 2**62


def too_much_memory(limits: Limits) -> str:
    """The complaint about memory, whoever has counted it."""
    return f"used more than {limits.memory / 2**30:.2g} GiB of memory"


class Watchdog:
    """Says which limit is broken, if one is. group: in which the kernel counts, where there is one."""

    def __init__(self, pid: int, limits: Limits, group: ControlGroup | None = None) -> None:
        self._pid, self._limits, self._group = pid, limits, group
        self._end = time.monotonic() + limits.seconds

    def complaint(self) -> str | None:
        """In words, None if all is well."""
        limits = self._limits
        if time.monotonic() > self._end:
            return f"took more than {limits.seconds:g} s"
        used = usage(self._pid)
        memory = max(used.memory, 0 if self._group is None else self._group.memory)
        if used.processes > limits.processes:
            return f"started more than {limits.processes} processes"
        if memory > limits.memory:
            return too_much_memory(limits)
        if available() < LEAST_LEFT:
            return "left the machine without memory"
        return None

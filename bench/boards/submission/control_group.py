"""A control group around an isolated process: the kernel itself counts its memory, of whatever kind, and its tasks.

Version 2 of control groups, where this user may make one: as root outside of containers, and in sessions that systemd
delegates. Elsewhere there is none, and what the watchdog counts from outside must do.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.boards.submission.namespaces import Limits

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
ENTER = '{ echo 0 > "$1/cgroup.procs"; } 2>/dev/null || true; shift; exec "$@"'
"""A process that cannot enter goes on outside, where the watchdog counts it."""
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class ControlGroup:
    """One that was made. folder: its place in the kernel's file system."""

    folder: Path

    def command(self, words: list[str]) -> list[str]:
        """The command ``words``, which enters the group before it is started."""
        return ["/bin/sh", "-c", ENTER, "sh", str(self.folder), *words]

    @property
    def memory(self) -> int:
        """Bytes that all of it holds, files in memory included; 0 if the kernel does not say."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "memory.current").read_text())
        return 0

    @property
    def ran_out(self) -> bool:
        """Whether the kernel ended a process because the limit was reached."""
        with contextlib.suppress(OSError, ValueError):
            lines = (self.folder / "memory.events").read_text().splitlines()
            return any(int(line.split()[1]) > 0 for line in lines if line.startswith("oom_kill "))
        return False

    def close(self) -> None:
        """End what is left in it, and remove it."""
        with contextlib.suppress(OSError):
            _write(self.folder / "cgroup.kill", "1")
        end = time.monotonic() + 5
        while self.folder.is_dir() and time.monotonic() < end:
            with contextlib.suppress(OSError):  # busy until its last process is gone
                self.folder.rmdir()
                return
            time.sleep(0.01)


def control_group(limits: Limits, *, root: Path = ROOT, own: Path = OWN) -> ControlGroup | None:
    """A new group with these limits, beside or below that of this process; None where none can be had.

    root: where groups are; own: says which one this process is in.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        hierarchy, _, place = line.partition("::")
        if hierarchy == "0":
            here = root / place.lstrip("/")
            for parent in dict.fromkeys((here, here.parent if here != root else here)):
                if (group := _made(parent, limits)) is not None:
                    return group
    return None


def _made(parent: Path, limits: Limits) -> ControlGroup | None:
    if not (parent / "cgroup.procs").is_file():  # a folder of something else
        return None
    folder = parent / f"bench-{os.getpid()}-{next(_NUMBERS)}"
    try:
        folder.mkdir()
    except OSError:
        return None
    try:
        for name, value in (("memory.max", limits.memory), ("pids.max", limits.tasks + 8)):  # its own shell, and the tools
            _write(folder / name, str(value))
        for name, text in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            with contextlib.suppress(OSError):  # not every kernel has them
                _write(folder / name, text)
    except OSError:  # the controllers are not handed down to here
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    return ControlGroup(folder)


def _write(path: Path, text: str) -> None:
    """Write into an existing file of the kernel; never make one."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)

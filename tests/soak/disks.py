"""A disk that is full, or out of inodes: a small file system in memory, which only root can make."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
from pathlib import Path

from soak.cases import PAGE, Outcome, Ready, finishes, used
from soak.children import Ended, found_by, run

NEW_MOUNTS, PRIVATE, RECURSIVE, REMOUNT = 0x20000, 1 << 18, 1 << 14, 32


def mounted(place: Path, options: str, *, again: bool = False) -> None:
    """Put a file system in memory at ``place``, or change its size. Raises ``OSError`` where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = REMOUNT if again else 0
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options.encode()):
        raise OSError(ctypes.get_errno(), "no file system can be mounted")


def alone() -> None:
    """Let this process mount what no other sees. Raises ``OSError`` where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS) or libc.mount(b"none", b"/", None, PRIVATE | RECURSIVE, None):
        raise OSError(ctypes.get_errno(), "no mounts of its own are allowed")


def can_mount(place: Path) -> bool:
    """Whether this user may make a small file system."""

    def work(home: Path) -> None:
        alone()
        mounted(home, "size=64k")

    place.mkdir(parents=True, exist_ok=True)
    return run(work, place).status == 0


def starved(made: Ready, number: int) -> Outcome:
    """Disk ``number``: room for a part of what the command writes; then room for all, and the command again."""
    chance = random.Random(f"{made.scenario.name} disk {number}")
    answer = made.place / f"starved{number}.json"
    small = made.place / "small"
    small.mkdir(exist_ok=True)
    before, after = used(made.template), made.room
    share = chance.random()
    size = before[0] + 4 * PAGE + int(share * max(after[0] - before[0], 0))
    inodes = before[1] + 3 + int(share * max(after[1] - before[1], 1))
    options = f"size={size}" if number % 2 == 0 else f"size=256m,nr_inodes={inodes}"

    def work(_: Path) -> None:
        alone()
        mounted(small, options)
        answer.write_text(json.dumps(_case(made, small / "case", small)))

    ended: Ended = run(work, made.place)
    findings = [f"{options}: the case ended with {ended.status}: {ended.words[-1500:]}"]
    if ended.status == 0:
        findings = [f"{options}: {finding}" for finding in json.loads(answer.read_text())]
    answer.unlink(missing_ok=True)
    return Outcome(findings)


def _case(made: Ready, home: Path, small: Path) -> list[str]:
    shutil.copytree(made.template, home, symlinks=True)
    ended = run(made.scenario.work, home)
    if not ended.acceptable:
        return [ended.words[-1500:]]
    mounted(small, "size=256m,nr_inodes=100000", again=True)
    return found_by(made.scenario.sound, home) or finishes(made, home)

"""How a process dies: at one of its operations on files, by a kill or a loss of power."""

from __future__ import annotations

import mmap
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename": 0, "os.remove": 0, "os.rmdir": 0, "os.mkdir": 0, "os.truncate": 0, "os.chmod": 0, "os.link": 0}
"""Audit events of Python that change a folder, and which of their arguments is the path."""


@dataclass(frozen=True)
class Death:
    """Before the operation number ``at``, from 0.

    power: what no ``fsync`` has brought to the disk is cut where ``seed`` chooses, as a loss of power may leave it.
    """

    at: int
    power: bool = False
    seed: int = 0

    def __str__(self) -> str:
        return f"{'loss of power' if self.power else 'kill'} before operation {self.at}"


@dataclass
class Watch:
    """Counts the operations of this process on files below ``home`` and dies before one of them.

    counter: shared with the parent, which reads there how many operations there were.
    """

    home: Path
    counter: mmap.mmap
    death: Death | None
    count: int = 0
    unsynced: dict[str, int] = field(default_factory=dict)
    """Files written since their last ``fsync``, and how many bytes of each are safe."""

    def begin(self) -> None:
        """Watch from now on until the process ends."""
        sync = os.fsync

        def watched_sync(handle: Any) -> None:
            path = _path_of(handle)
            if path is not None and self._inside(path):
                if Path(path).is_file():
                    self.unsynced.setdefault(path, 0)
                self._operation()
                sync(handle)
                self.unsynced.pop(path, None)
            else:
                sync(handle)

        os.fsync = watched_sync
        sys.addaudithook(self._audited)

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and self._inside(path) and _writes(mode, flags):
                text = _absolute(path)
                self._operation()
                keeps = Path(text).is_file() and not _empties(mode, flags)
                self.unsynced.setdefault(text, Path(text).stat().st_size if keeps else 0)
        elif event in CHANGES and self._inside(arguments[CHANGES[event]]):
            self._operation()
            text = _absolute(arguments[0])
            if event == "os.rename" and text in self.unsynced:
                self.unsynced[_absolute(arguments[1])] = self.unsynced.pop(text)
            elif event == "os.remove":
                self.unsynced.pop(text, None)

    def _inside(self, path: Any) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and Path(_absolute(path)).is_relative_to(self.home)

    def _operation(self) -> None:
        if self.death is not None and self.count == self.death.at:
            if self.death.power:
                self._lose_power(random.Random(self.death.seed))
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        self.counter[:8] = self.count.to_bytes(8, "little")

    def _lose_power(self, chance: random.Random) -> None:
        self.death = None  # the cuts are no operations of the command
        for path, safe in sorted(self.unsynced.items()):
            file = Path(path)
            if file.is_file() and file.stat().st_size > safe:
                os.truncate(file, chance.randint(safe, file.stat().st_size))


def _absolute(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100 -- a link is renamed and removed, not what it leads to


def _path_of(handle: Any) -> str | None:
    number = handle if isinstance(handle, int) else handle.fileno()
    try:
        return str(Path(f"/proc/self/fd/{number}").readlink())
    except OSError:
        return None


def _writes(mode: Any, flags: Any) -> bool:
    return bool(set(mode) & set("wax+")) if isinstance(mode, str) else bool(isinstance(flags, int) and flags & WRITING)


def _empties(mode: Any, flags: Any) -> bool:
    return "w" in mode if isinstance(mode, str) else bool(isinstance(flags, int) and flags & os.O_TRUNC)


Work = Callable[[Path], None]
"""A command, done in a folder."""

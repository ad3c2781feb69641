"""Work in forked processes, and how it ended."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from bench.foundation.errors import BenchError
from soak.dying import Death, Watch, Work

REFUSED, FAILED = 3, 4
ENDS: dict[object, int] = {None: 0, 0: 0, 1: REFUSED, BenchError.exit_code: REFUSED}
"""What the command line ends with after its sentences. Of several entries some may not have been made: 1."""
LONGEST = 300.0
"""Seconds after which a process counts as hanging."""


@dataclass(frozen=True)
class Ended:
    """status: 0, ``REFUSED`` after a sentence that a user can act on, ``FAILED`` after any other, or minus a signal.

    operations: on files below the folder. words: what was printed.
    """

    status: int
    operations: int
    seconds: float
    words: str

    @property
    def killed(self) -> bool:
        """Whether it died before it was done."""
        return self.status == -signal.SIGKILL

    @property
    def acceptable(self) -> bool:
        """Whether it ended as a command may: done, or with a sentence."""
        return self.status in (0, REFUSED)


@dataclass
class Child:
    """A process that does some work in a folder. Its output goes to a file elsewhere, which no full disk holds."""

    pid: int
    printed: Path
    counter: mmap.mmap
    begun: float

    @classmethod
    def start(cls, work: Work, home: Path, death: Death | None = None) -> Child:
        """Fork, and do ``work`` in ``home``."""
        counter = mmap.mmap(-1, 8)
        handle, printed = tempfile.mkstemp(prefix="soak-", suffix=".txt")
        os.close(handle)
        child = cls(0, Path(printed), counter, time.monotonic())
        sys.stdout.flush()
        child.pid = os.fork()
        if not child.pid:
            _do(work, home, Path(printed), Watch(home, counter, death))
        return child

    def wait(self, seconds: float = LONGEST) -> Ended:
        """How it ended; killed if it has not after so many seconds."""
        end = self.begun + seconds
        while not (answer := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                answer = os.waitpid(self.pid, 0)
                break
            time.sleep(0.002)
        words = self.printed.read_text(errors="replace") if self.printed.exists() else ""
        self.printed.unlink(missing_ok=True)
        operations = int.from_bytes(self.counter[:8], "little")
        return Ended(os.waitstatus_to_exitcode(answer[1]), operations, time.monotonic() - self.begun, words)


def run(work: Work, home: Path, death: Death | None = None, *, seconds: float = LONGEST) -> Ended:
    """Do ``work`` in ``home``, in a process of its own."""
    return Child.start(work, home, death).wait(seconds)


def found_by(check: Callable[[Path], list[str]], home: Path) -> list[str]:
    """What ``check`` finds wrong in ``home``, in a process of its own: one finding a line."""
    ended = run(lambda folder: click.echo("\n".join(check(folder))), home)
    if ended.status:
        return [f"the check ended with {ended.status}: {ended.words[-2000:]}"]
    return [line for line in ended.words.splitlines() if line]


def _do(work: Work, home: Path, printed: Path, watch: Watch) -> NoReturn:
    try:
        handle = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(home)
        watch.begin()
        work(home)
        status = 0
    except BenchError as error:
        os.write(2, f"{error}\n".encode())
        status = REFUSED
    except SystemExit as end:
        status = ENDS.get(end.code, FAILED)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        status = FAILED
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)

"""How far a long work is, on standard error: a bar with the time left on a terminal, at most a dozen lines in a log.

In a notebook standard error is no terminal, so lines appear there, and nothing has to be installed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bench.foundation.escaping import for_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 5.0
"""Seconds before the first line: short works leave none."""
LINES = 10
"""In a log: one for each tenth of the work."""


def has_screen() -> bool:
    """Whether standard error is a terminal on which a line can be changed. Colours do not decide: a log may want them."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Bar:
    """A context; call :meth:`show` after each part of the work. quiet: nothing is shown. clock: seconds from some start."""

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet, self._clock = quiet, clock
        self._begun, self._tenths = clock(), 0
        self._bar = None if quiet or not has_screen() else _bar()
        self._task = None if self._bar is None else self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, total: int, label: str) -> None:
        """``done`` of ``total`` parts are finished, the last of them is called ``label``."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=for_terminal(label), completed=done, total=total)
            return
        seconds, tenths = self._clock() - self._begun, LINES * done // max(total, 1)
        if self._quiet or seconds < PATIENCE or tenths <= self._tenths:
            return
        self._tenths = tenths
        left = seconds * (total - done) / max(done, 1)
        line = for_terminal(f"{done}/{total}  {label}  ({_clock_time(seconds)}, about {_clock_time(left)} left)")
        sys.stderr.write(line + "\n")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:24.24}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=4,
        expand=True,
    )


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

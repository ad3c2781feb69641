"""How far a long work is, on standard error: a bar with the time left on a terminal, at most ten lines in a log.

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
    from rich.progress import Progress, TaskID

PATIENCE = 5.0
"""Seconds before the first line: short works leave none."""
LINES = 10
"""In a log: one for each tenth of the work."""


def has_screen() -> bool:
    """Whether standard error is a terminal on which a line can be changed. Colours do not decide: a log may want them."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def counted(done: int, total: int) -> str:
    """So many parts of so many."""
    return f"{done}/{total}"


def megabytes(done: int, total: int) -> str:
    """So many bytes of so many."""
    return f"{done / 1e6:.1f}/{total / 1e6:.1f} MB"


class Bar:
    """A context; call :meth:`show` after each part of the work. quiet: nothing is shown. clock: seconds from some start.

    written: parts that are finished, and all parts, as text.
    """

    before: int = 0
    """Parts that were there before this run, from which the time left is not estimated."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        written: Callable[[int, int], str] = counted,
    ) -> None:
        self._quiet, self._clock, self._written = quiet, clock, written
        self._bar = None if quiet or not has_screen() else _bar()
        self._task: TaskID | None = None
        self.restart()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def restart(self) -> None:
        """Another work begins under the same bar."""
        self._begun, self._tenths, self.before = self._clock(), 0, 0
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task("starting", total=None, amount="")

    def show(self, done: int, total: int | None, label: str) -> None:
        """``done`` of ``total`` parts are finished, the last of them is called ``label``. total: None if nobody knows it."""
        if self._bar is not None and self._task is not None:
            amount = "" if total is None else self._written(done, total)
            self._bar.update(self._task, description=for_terminal(label), completed=done, total=total, amount=amount)
        elif not self._quiet:
            line = label if total is None else self._line(done, total, label)
            if line:
                sys.stderr.write(for_terminal(line) + "\n")

    def _line(self, done: int, total: int, label: str) -> str:
        """The line of a log after another tenth; empty if there is nothing to say yet."""
        seconds, tenths = self._clock() - self._begun, LINES * done // max(total, 1)
        if seconds < PATIENCE or tenths <= self._tenths:
            return ""
        self._tenths = tenths
        left = seconds * (total - done) / max(done - self.before, 1)
        return f"{self._written(done, total)}  {label}  ({_clock_time(seconds)}, about {_clock_time(left)} left)"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:32.32}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[amount]}", markup=False),
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

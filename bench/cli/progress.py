"""How far an evaluation or the doctor is, on stderr: a bar or a line that changes on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.cli.terminal import say
from bench.foundation.escaping import for_terminal

if TYPE_CHECKING:
    from bench.evaluation.reliability.doctor import Progress
    from bench.evaluation.request.settings import Tick


class Units:
    """A context that shows a bar; pass its :meth:`tick` to an evaluation."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = ("{task.description:24}", "{task.completed}/{task.total}")
        self._bar = Progress(
            TextColumn(columns[0], markup=False),
            BarColumn(bar_width=30),
            TextColumn(columns[1]),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Units:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tick(self, tick: Tick) -> None:
        """Show one more finished unit."""
        self._bar.update(self._task, description=for_terminal(tick.label), completed=tick.done, total=tick.total)


class Examinations:
    """A context that shows which examination of the doctor runs; pass its :meth:`show` to him.

    On a terminal one line changes with every gradient and attack. Elsewhere there is a line per examination, with the
    seconds since the beginning, so that a log shows where the time goes.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.markup import escape

        self._escape = escape
        self._console = Console(stderr=True)
        self._status = self._console.status("loading")
        self._begun = time.monotonic()

    def __enter__(self) -> Examinations:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def show(self, progress: Progress) -> None:
        """Show what is being done."""
        line = f"{progress.number}/{progress.total}  {progress.examination}"
        if self._console.is_terminal:
            self._status.update(f"{line}  {self._escape(for_terminal(progress.doing))}")
        elif not progress.doing:
            say(f"{line}  ({time.monotonic() - self._begun:.0f} s)", err=True)

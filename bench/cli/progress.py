"""How far an evaluation or the doctor is, on stderr: a bar or a line that changes on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.cli.terminal import is_quiet, remark
from bench.foundation.escaping import for_terminal
from bench.foundation.progress import Bar, has_screen

if TYPE_CHECKING:
    from bench.evaluation.reliability.doctor import Progress
    from bench.evaluation.request.settings import Tick


class Units(Bar):
    """A context that shows a bar; pass its :meth:`tick` to an evaluation. quiet: as well as where ``--quiet`` was given."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(quiet=quiet or is_quiet())

    def tick(self, tick: Tick) -> None:
        """Show one more finished unit."""
        self.show(tick.done, tick.total, tick.label)


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
        self._live = has_screen() and not is_quiet()
        self._begun = time.monotonic()

    def __enter__(self) -> Examinations:
        if self._live:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def show(self, progress: Progress) -> None:
        """Show what is being done."""
        line = f"{progress.number}/{progress.total}  {progress.examination}"
        if self._live:
            self._status.update(f"{line}  {self._escape(for_terminal(progress.doing))}")
        elif not progress.doing:
            remark(f"{line}  ({time.monotonic() - self._begun:.0f} s)")

"""How far an evaluation, a fetch or the doctor is, on standard error: a bar or a changing line on a terminal, else lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.cli.terminal import is_quiet, remark
from bench.foundation.escaping import for_terminal
from bench.foundation.progress import Bar, has_screen, megabytes

if TYPE_CHECKING:
    from bench.evaluation.reliability.doctor import Progress
    from bench.evaluation.request.settings import Tick


class Units(Bar):
    """A context that shows a bar; pass its :meth:`tick` to one evaluation after the other.

    quiet: as well as where ``--quiet`` was given. of: what is evaluated, where a command evaluates several models.
    """

    def __init__(self, *, quiet: bool = False, of: str = "") -> None:
        self._of = f"{of}  " if of else ""
        self._done = 0
        super().__init__(quiet=quiet or is_quiet())

    def tick(self, tick: Tick) -> None:
        """Show one more finished unit; a count that does not rise is the next evaluation's."""
        if tick.done <= self._done:
            self.restart()
        if tick.reused:
            self.before = tick.done
        self._done = tick.done
        self.show(tick.done, tick.total, f"{self._of}{tick.label}")


class Transfer(Bar):
    """A context that shows bytes; pass its :meth:`show_part` to what fetches a data set, file by file."""

    def __init__(self) -> None:
        self._part = ""
        super().__init__(quiet=is_quiet(), written=megabytes)

    def show_part(self, what: str, done: int, total: int | None) -> None:
        """Show bytes of a file, or of another part of the work. total: None if nobody knows it."""
        begins = what != self._part
        if begins:
            self._part = what
            self.restart()
            self.before = done
        if begins or total is not None:
            self.show(done, total, what)


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

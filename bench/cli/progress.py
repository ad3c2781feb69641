"""A bar over the units of an evaluation, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.evaluation.request.settings import Tick


class Units:
    """A context that shows a bar; pass its :meth:`tick` to an evaluation."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = ("{task.description:24}", "{task.completed}/{task.total}")
        self._bar = Progress(
            TextColumn(columns[0]),
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
        self._bar.update(self._task, description=tick.label, completed=tick.done, total=tick.total)

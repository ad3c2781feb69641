"""Progress of an evaluation that is called from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

from bench.evaluation.request.settings import Tick, Ticked
from bench.foundation.progress import Bar


class Counter(Protocol):
    """What a bar such as ``tqdm(total=...)`` can do."""

    def update(self, n: int) -> Any:
        """So many more units are finished."""

    def close(self) -> Any:
        """The work is over."""


@contextmanager
def ticking(progress: bool | Callable[..., Counter], on_tick: Ticked) -> Iterator[Ticked]:
    """A function for each tick, which calls ``on_tick`` and moves a bar.

    progress: False for no bar, True for the one of the command line, or a function such as ``tqdm.tqdm``, which makes one
        from ``total=UNITS``.
    """
    if progress is False:
        yield on_tick
    elif progress is True:
        with Bar() as bar:
            yield _both(on_tick, lambda tick: bar.show(tick.done, tick.total, tick.label))
    else:
        with closing(_Counted(progress)) as counted:
            yield _both(on_tick, counted.tick)


def _both(first: Ticked, second: Ticked) -> Ticked:
    def tick(tick: Tick) -> None:
        first(tick)
        second(tick)

    return tick


class _Counted:
    """A bar of another library, made at the first tick, which says how many units there are."""

    def __init__(self, make: Callable[..., Counter]) -> None:
        self._make = make
        self._bar: Counter | None = None
        self._done = 0

    def tick(self, tick: Tick) -> None:
        """Move the bar to ``tick.done``."""
        if self._bar is None:
            self._bar = self._make(total=tick.total)
        self._bar.update(tick.done - self._done)
        self._done = tick.done

    def close(self) -> None:
        """Close the bar, if there is one."""
        if self._bar is not None:
            self._bar.close()

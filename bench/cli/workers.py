"""``--workers`` and ``--scheduler`` for every command that evaluates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bench.evaluation.request.settings import Running

C = TypeVar("C", bound=Callable[..., Any])
COUNT = click.IntRange(1, 4096)
"""How many threads or processes a command may be asked for: more than a machine has, and few enough to be started."""
DEVICE = click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")


def worker_options(command: C) -> C:
    """Add both options; the command receives ``workers`` and ``scheduler``."""
    workers = click.option(
        "--workers",
        type=COUNT,
        help="Processes of one thread each [default: one per core if the work is worth it]. Rows do not depend on it.",
    )
    scheduler = click.option("--scheduler", metavar="tcp://HOST:PORT", help="Workers of a Dask cluster compute instead.")
    return workers(scheduler(command))


def running_with(workers: int | None, scheduler: str | None, *, threads: int | None = None, **fields: Any) -> Running:
    """The execution settings of a command. threads: of this process; if given, this process computes alone.

    fields: of :class:`~bench.evaluation.request.settings.Running`. Raises ``SpecError`` for options that exclude each other.
    """
    from bench.evaluation.request.settings import Running
    from bench.foundation.errors import SpecError

    if scheduler is not None and workers is not None:
        raise SpecError("The scheduler's own workers compute.", "Give either --workers or --scheduler.")
    if threads is not None and workers not in (None, 1):
        raise SpecError("Workers have one thread each.", "Give either --workers or --threads.")
    return Running(workers=1 if threads is not None else workers, scheduler=scheduler, **fields)

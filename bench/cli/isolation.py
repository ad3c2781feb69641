"""Options of commands that run the code of a submission in isolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bench.boards.submission.namespaces import Limits

_OPTIONS = (
    click.option("--trust-code", is_flag=True, help="Run the submission's model.py, in isolation. Read it first."),
    click.option(
        "--hours", type=click.FloatRange(0, min_open=True), default=12.0, show_default=True, help="Time for own code."
    ),
    click.option("--memory", type=click.IntRange(1), default=6, show_default=True, help="GiB of memory for own code."),
)


def isolating(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limits_of(hours: float, memory: int) -> Limits:
    """The limits that the options ask for; own code computes on all cores."""
    import os

    from bench.boards.submission.namespaces import Limits

    return Limits(seconds=3600 * hours, memory=memory * 2**30, threads=os.cpu_count() or 1)

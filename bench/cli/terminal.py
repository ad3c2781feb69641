"""The only way to print in this package: text of models, records and files goes through one door on its way out."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from bench.foundation.escaping import for_terminal

_QUIET = "bench.cli.quiet"
"""Key of :attr:`click.Context.meta`, which all contexts of one call share."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def say(text: object, *, err: bool = False) -> None:
    """Print lines; what would instruct a terminal or continuous integration is broken. err: to standard error."""
    click.echo(for_terminal(str(text)), file=_above_a_bar(sys.stderr if err else sys.stdout), err=err)


def _above_a_bar(stream: TextIO | None) -> TextIO | None:
    """While a bar is shown: the stream by which rich prints above it, or the file to which the stream was sent.

    None, which lets click choose, where no bar is shown. click would write into the line of the bar.
    """
    behind: TextIO | None = getattr(stream, "rich_proxied_file", None)
    return stream if behind is not None and behind.isatty() else behind


def say_json(text: str) -> None:
    """Print a JSON text, whose value stays what it is: what a log would take for a command is written as an escape."""
    click.echo(text.replace("##[", "#\\u0023["))


def remark(text: object) -> None:
    """Print how far the work is, to standard error, unless the command was told to be quiet."""
    if not is_quiet():
        say(text, err=True)


def is_quiet() -> bool:
    """Whether ``--quiet`` was given to the command that runs."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def with_quiet(command: click.Command) -> click.Command:
    """The command, and each command in a group, with the option ``--quiet``. Adding it twice changes nothing."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            with_quiet(inner)
    elif not any(parameter.name == "quiet" for parameter in command.params):
        command.params.append(
            click.Option(["--quiet", "-q"], is_flag=True, expose_value=False, callback=_remember, help="Show no progress.")
        )
    return command


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[_QUIET] = value

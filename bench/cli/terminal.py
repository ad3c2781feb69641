"""The only way to print in this package: text of models, records and files goes through one door on its way out."""

from __future__ import annotations

import click

from bench.foundation.escaping import for_terminal

_QUIET = "bench.cli.quiet"
"""Key of :attr:`click.Context.meta`, which all contexts of one call share."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def say(text: object, *, err: bool = False) -> None:
    """Print lines; what would instruct a terminal or continuous integration is broken. err: to standard error."""
    click.echo(for_terminal(str(text)), err=err)


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

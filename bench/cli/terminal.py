"""The only way to print in this package: text of models, records and files goes through one door on its way out."""

from __future__ import annotations

import click

from bench.foundation.escaping import for_terminal


def say(text: object, *, err: bool = False) -> None:
    """Print lines; what would instruct a terminal or continuous integration is broken. err: to standard error."""
    click.echo(for_terminal(str(text)), err=err)


def say_json(text: str) -> None:
    """Print a JSON text, whose value stays what it is: what a log would take for a command is written as an escape."""
    click.echo(text.replace("##[", "#\\u0023["))

"""``bench``: the command line. Verbs are imported when they are used, so that ``--help`` does not import torch."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import warnings
from importlib import import_module
from typing import Any, TextIO

import click

from bench.cli.completion import install_completion
from bench.cli.terminal import say, with_quiet
from bench.data.paths import shown
from bench.foundation.errors import BenchError, Remark
from bench.foundation.escaping import for_terminal

SECTIONS = {
    "Evaluate": {
        "evaluate": ("bench.cli.evaluate:evaluate", "Measure how robust a model is."),
        "doctor": ("bench.cli.doctor:doctor", "Examine whether a model's robustness can be measured."),
        "certify": ("bench.cli.certify:certify", "Bound the robustness of a smoothed model from below."),
        "measure": ("bench.cli.measure:measure", "Accuracy, time steps, spikes and energy of a zoo model."),
    },
    "Look": {
        "ls": ("bench.cli.ls:ls", "List models, attacks, gradient paths, data sets, records."),
        "show": ("bench.cli.show:show", "Show a model's card."),
        "compare": ("bench.cli.compare:compare", "Paired difference between two records."),
        "report": ("bench.cli.report:report", "Plots, tables and the site, from records and boards."),
    },
    "Boards": {
        "board": ("bench.cli.board:board", "Leaderboards: look at them, check them, fill them."),
        "submit": ("bench.cli.submit:submit", "Bring a model of your own to a board."),
        "challenge": ("bench.cli.challenge:challenge", "Score adversarial images of your own against an entry."),
        "claims": ("bench.cli.claims:claims", "What papers claim, and whether it holds here."),
    },
    "Train": {
        "train": ("bench.cli.train:train", "Train a zoo model from its card."),
        "pilot": ("bench.cli.pilot:pilot", "Choose the weight of a penalty on validation data."),
    },
    "Data": {
        "data": ("bench.cli.data:data", "Fetch and find data sets."),
    },
}
VERBS = {name: verb for section in SECTIONS.values() for name, verb in section.items()}
RESUMED = ("evaluate", "measure", "train", "claims", "board run", "board fill", "submit run", "data get")
"""Commands that go on where they were stopped, if they are run again."""


LISTINGS = {"BOARD": "bench board ls", "MODEL": "bench ls models"}
"""Commands that list what a parameter of that name can be."""

UNREADABLE = frozenset({errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP})
"""What the operating system answers to a path that a user named and that nobody can look at."""


class _Lazy(click.Group):
    """A group that knows its verbs' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return with_quiet(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:9}", line) for name, (_, line) in verbs.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from bench.foundation.errors import UnknownNameError

            raise UnknownNameError.of("command", args[0], list(VERBS))
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "BENCH"})
@click.version_option(package_name="spikebench", prog_name="bench")
@install_completion
def cli() -> None:
    """How robust is this model, really?

    \b
    bench evaluate --model zoo:snn_gsr --attack pgd
    bench ls models
    """


def main() -> None:
    """Run the command line. Errors a user can fix, wrong paths among them, are one line and exit 2; Ctrl-C exits 130."""
    warnings.showwarning = show_warning
    try:
        status = cli.main(prog_name="bench", standalone_mode=False)
    except BenchError as error:
        say(f"bench: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        say(f"bench: {_sentences(error)}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        say(f"bench: {_interrupted(sys.argv[1:])}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno not in UNREADABLE or not isinstance(error.filename, str | bytes):
            raise
        path = shown(os.fsdecode(error.filename))
        say(
            f"bench: {path[:100]} cannot be looked at ({error.strerror}). Name another, or give yourself the right.",
            err=True,
        )
        sys.exit(BenchError.exit_code)
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted(words: list[str]) -> str:
    """What Ctrl-C leaves of the command ``bench WORDS``: the command that resumes it, if there is one."""
    verb = [word for word in words if not word.startswith("-")]
    if not any(known.split() == verb[: len(known.split())] for known in RESUMED):
        return "interrupted."
    again = shlex.join(["bench", *(word for word in words if word != "--fresh")])
    return f"interrupted. What is finished is kept; go on with: {again}"


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a remark as one line, without the place in the code; print other warnings as Python does."""
    if issubclass(category, Remark):
        say(f"bench: {message}", err=True)
    else:
        (file or sys.stderr).write(for_terminal(warnings.formatwarning(message, category, filename, lineno, line)))


def _sentences(error: click.ClickException) -> str:
    """The error of a command line, and the command that prints its help."""
    what = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    stop = "" if what.endswith((".", "?", "!")) else "."
    lists = _listing(error) if isinstance(error, click.MissingParameter) else ""
    return f"{what}{stop} {lists}See {context.command_path if context else 'bench'} --help."


def _listing(error: click.MissingParameter) -> str:
    """The command that lists what a missing parameter can be, in a sentence; empty where there is none."""
    parameter = error.param
    if parameter is None or parameter.name is None:
        return ""
    wanted = parameter.metavar if isinstance(parameter, click.Argument) else None
    command = LISTINGS.get(wanted or parameter.name.upper())
    return f"{command} lists what there is. " if command else ""


if __name__ == "__main__":
    main()

"""``bench --install-completion``: Tab completes commands and options. The script comes from click."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from bench.cli.terminal import say

SHELLS = ("bash", "zsh", "fish")
THIS_SHELL = "auto"


def script_file(shell: str) -> Path:
    """Where the shell looks for scripts of one user."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "bench",
        "zsh": data / "zsh" / "site-functions" / "_bench",
        "fish": config / "fish" / "completions" / "bench.fish",
    }[shell]


def _next_step(shell: str, file: Path) -> str:
    if shell == "zsh":
        return f"Put this line into ~/.zshrc, above compinit, and open a new shell: fpath=({file.parent} $fpath)"
    if shell == "bash":
        return f"Open a new shell. Without the package bash-completion, put this line into ~/.bashrc: source {file}"
    return "Open a new shell."


def _install(context: click.Context, parameter: click.Parameter, shell: str | None) -> None:
    """Write the script, say what is left to do, and end."""
    from bench.foundation.errors import SpecError
    from bench.foundation.files import atomic_write_text, make_folder

    if shell is None or context.resilient_parsing:
        return
    name = Path(os.environ.get("SHELL", "")).name if shell == THIS_SHELL else shell
    kind = get_completion_class(name) if name in SHELLS else None
    if kind is None:
        raise SpecError(f"There is no completion for {name or 'an unknown shell'}.", f"Name one of {', '.join(SHELLS)}.")
    file = script_file(name)
    make_folder(file.parent)
    atomic_write_text(file, kind(context.command, {}, "bench", "_BENCH_COMPLETE").source())
    say(f"wrote {file}. {_next_step(name, file)}")
    context.exit()


install_completion = click.option(
    "--install-completion",
    metavar="[bash|zsh|fish]",
    is_flag=False,
    flag_value=THIS_SHELL,
    is_eager=True,
    expose_value=False,
    callback=_install,
    help="Let Tab complete commands and options in this shell, or in the one named.",
)
"""The option, for the whole program."""

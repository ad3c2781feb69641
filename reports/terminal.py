"""A terminal session as a picture: a command and what it printed, as SVG.

    python -m reports.terminal

runs the command of the README's first picture and writes ``docs/pictures/terminal.svg``. Nothing in the picture is made up:
the text is the standard output of the command, in the colours that it gave it. Only its last line is left out, which names a
folder and the time that this machine took, so that every machine draws the same picture.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_write_text
from reports.exit_status import end_with

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "pictures" / "terminal.svg"
COMMAND = "bench evaluate --model zoo:snn_gsr --attack pgd"
WIDTH = 80
"""Characters in a line of a table; other lines may be longer, and the picture is as wide as the longest."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_FONT_FACE = re.compile(r"@font-face \{.*?\}\n?", re.DOTALL)


def printed_by(command: str, folder: Path) -> str:
    """What a ``bench`` command prints on standard output in ``folder``, as on a terminal of :data:`WIDTH` characters.

    Raises ``RecordError`` if the command fails.
    """
    program, *arguments = shlex.split(command)
    code = f"import sys; from {program}.cli.main import main; sys.argv[0] = {program!r}; sys.exit(main())"
    # The tree of this file is imported, wherever the command runs.
    settings = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=os.environ | settings, capture_output=True, text=True
    )
    if done.returncode:
        raise RecordError(f"The command failed: {command}.", done.stderr.strip().splitlines()[-1] if done.stderr else "")
    return done.stdout


def without_times(output: str) -> str:
    """The output without the line of the record, which differs from machine to machine."""
    return "".join(line for line in output.splitlines(keepends=True) if not line.startswith("record: "))


def as_svg(command: str, output: str) -> str:
    """The session as SVG: the command after a prompt, then its output, which may hold colours in ANSI codes.

    The picture needs no other server: its type is a monospaced one that the reader has.
    """
    from rich.console import Console
    from rich.text import Text

    prompt = Text.assemble(("$ ", "bold green"), (command, "bold"))
    lines = [prompt, *Text.from_ansi(output).split("\n"), Text()]  # the frame cuts the lower edge of the last line
    for line in lines:
        line.rstrip()
    width = max(WIDTH, *(line.cell_len for line in lines))  # what is wider would be cut off
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line)
    svg = console.export_svg(title="spikebench", unique_id="terminal")
    return _FONT_FACE.sub("", svg).replace("Fira Code, monospace", FONTS).replace("Fira Code", "monospace")


def main() -> int:
    """Run the command in an empty folder and write the picture."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        output = printed_by(COMMAND, Path(folder))
    FILE.parent.mkdir(exist_ok=True)
    atomic_write_text(FILE, as_svg(COMMAND, without_times(output)))
    return 0


if __name__ == "__main__":
    end_with(main)

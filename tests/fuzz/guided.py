"""Inputs that coverage guides, for whoever has installed atheris: ``python -m fuzz.guided --seconds 60``.

The same grammar as elsewhere draws the inputs, from bytes that libFuzzer changes where that reaches new lines of code. Each
door has a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from fuzz.door import Door

CORPUS = Path(__file__).parent / "corpus"
UNGUIDED = ("cli",)
"""Doors whose lines of code libFuzzer cannot tell apart: all commands start alike, and each is imported on its way."""


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=60, show_default=True, help="For each door.")
@click.option("--seed", "number", type=click.IntRange(1), default=1, show_default=True, help="Of libFuzzer.")
@click.option("--only", multiple=True, help="Only this door; may be repeated.")
def main(seconds: int, number: int, only: tuple[str, ...]) -> None:
    """Search all doors but the command line. What falls is kept in the corpus."""
    try:
        import atheris
    except ImportError as error:
        raise click.ClickException(
            "atheris is not installed here; pip install atheris, if it has a file for this Python"
        ) from error
    with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["bench", "zoo"]):
        from fuzz.doors import DOORS
    if unknown := set(only) - set(DOORS):
        raise click.ClickException(f"there is no door {min(unknown)!r}; there are: {', '.join(DOORS)}")
    fell = 0
    for name in only or [name for name in DOORS if name not in UNGUIDED]:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
            sys.stdout.flush()
            child = os.fork()
            if not child:
                _search(atheris, name, DOORS[name], Path(place), seconds, number)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            runs = _runs(Path(place) / "words")
        fell += status != 0
        held = "held" if status == 0 else f"fell ({status})"
        click.echo(f"{name}: {runs} inputs, {time.monotonic() - begun:.0f} s, {held}")
    sys.exit(int(fell > 0))


def _search(atheris: ModuleType, name: str, door: Door, place: Path, seconds: int, number: int) -> NoReturn:
    """Never returns: libFuzzer ends the process, with 0 if nothing fell. Its words go to a file in ``place``."""
    from hypothesis import HealthCheck, given, settings

    from fuzz.running import Fallen, enter, keep

    work = place / "work"
    work.mkdir()
    door.prepare(work)
    handle = os.open(place / "words", os.O_WRONLY | os.O_CREAT)
    os.dup2(handle, 2)

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(door.inputs)
    def input_enters(content: bytes) -> None:
        try:
            enter(door, content)
        except BaseException:
            words = traceback.format_exc()
            kept = keep(Fallen(name, content, words), CORPUS)
            click.echo(f"{words}\n{name}: {content[:300]!r}, kept as {kept}")
            raise

    limits = [f"-max_total_time={seconds}", f"-seed={number}", "-rss_limit_mb=8192", f"-artifact_prefix={place}/"]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1"], input_enters.hypothesis.fuzz_one_input)
    atheris.Fuzz()
    os._exit(0)


def _runs(words: Path) -> str:
    """How many inputs libFuzzer says it has tried."""
    lines = words.read_text(errors="replace").splitlines() if words.is_file() else []
    return next((line.split()[-1] for line in lines if line.startswith("stat::number_of_executed_units")), "?")


if __name__ == "__main__":
    main()

"""Inputs of one door that coverage guides, for whoever has installed atheris: ``python -m fuzz.guided yaml --seconds 60``.

The same grammar as elsewhere draws the inputs, from bytes that libFuzzer changes where that reaches new lines of code.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option("--seconds", type=click.IntRange(1), default=60, show_default=True, help="For how long.")
@click.option("--seed", "number", type=click.IntRange(1), default=1, show_default=True, help="Of libFuzzer.")
def main(name: str, seconds: int, number: int) -> None:
    """Search the door NAME. What falls is kept in the corpus."""
    try:
        import atheris
    except ImportError as error:
        raise click.ClickException(
            "atheris is not installed here; pip install atheris, if it has a file for this Python"
        ) from error
    with atheris.instrument_imports(include=["bench", "zoo"]):
        from fuzz.doors import DOORS
        from fuzz.running import Fallen, enter, keep
    if name not in DOORS:
        raise click.ClickException(f"there is no door {name!r}; there are: {', '.join(DOORS)}")
    from hypothesis import HealthCheck, given, settings

    door = DOORS[name]
    work = tempfile.mkdtemp(prefix="fuzz-")
    door.prepare(Path(work))

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(door.inputs)
    def one(content: bytes) -> None:
        try:
            enter(door, content)
        except BaseException:
            kept = keep(Fallen(name, content, traceback.format_exc()), Path(__file__).parent / "corpus")
            click.echo(f"{name} fell, kept as {kept}", err=True)
            raise

    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-seed={number}", "-rss_limit_mb=4096"], one.hypothesis.fuzz_one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""``bench submit``: bring a model of one's own to a board, from template to entry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.entered import entry_fields
from bench.cli.isolation import isolating, limits_of
from bench.cli.pictures import draw
from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json
from bench.tasks import TASKS

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry


@click.group()
def submit() -> None:
    """Bring a model of your own to a board."""


@submit.command(short_help="Write a template into a folder.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--own-code", is_flag=True, help="With a model.py, if no registered builder fits.")
@click.option("--model", metavar="FILE.py::NAME", help="With this file as its model.py; wants --weights.")
@click.option("--weights", type=click.Path(path_type=Path), help="The checkpoint of --model (.pth, .pt, .safetensors).")
@click.option(
    "--task", type=click.Choice(list(TASKS)), default="classification", show_default=True, help="What the model answers."
)
def new(folder: Path, own_code: bool, model: str | None, weights: Path | None, task: str) -> None:
    """Write a template into FOLDER, named after the model."""
    from bench.boards.submission.template import write_template
    from bench.foundation.errors import SpecError

    if (model is None) != (weights is None):
        raise SpecError("A network and its weights belong together.", "Give both --model and --weights.")
    if model is None or weights is None:
        write_template(folder, own_code=own_code, task=task)
        say(f"Fill in {folder}/submission.yaml, put weights.safetensors beside it, then: bench submit hash {folder}")
        return
    from bench.boards.submission.own_file import read_own_file, write_own_file

    write_own_file(folder, read_own_file(model, weights), task=task)
    say(f"Fill in {folder}/submission.yaml, then: bench submit check {folder} --trust-code")


@submit.command("hash", short_help="Write the hashes of the weights into a submission.")
@click.argument("folder", type=click.Path(path_type=Path))
def hash_(folder: Path) -> None:
    """Write size and sha256 of the weights in FOLDER into its submission.yaml."""
    from bench.boards.submission.template import write_hash

    write_hash(folder)
    say(f"Now: bench submit check {folder}")


@submit.command(short_help="Run the checks that continuous integration runs.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--n", type=click.IntRange(1), default=200, show_default=True, help="Test images.")
@isolating
@JSON
def check(folder: Path, n: int, trust_code: bool, hours: float, memory: int, as_json: bool) -> int:
    """Run the checks that continuous integration runs on FOLDER; exit 1 if one fails."""
    from bench.boards.submission.checking import check as checked
    from bench.cli.progress import Units

    with Units() as bar:
        report = checked(folder, n=n, trust_code=trust_code, limits=limits_of(hours, memory), on_tick=bar.tick)
    if as_json:
        say_json(json.dumps([result.model_dump() for result in report.checks], indent=1))
    else:
        show_table([{"check": result.name, "": result.status, "what was found": result.says} for result in report.checks])
        say(f"{folder}: {'accepted' if report.passed else 'REFUSED'}")
    return int(not report.passed)


@submit.command(short_help="Evaluate a submission under a board, and enter it.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", "name", required=True, help="BOARD[/vN].")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of boards [default: leaderboards].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where runs go.")
@click.option("--dry-run", is_flag=True, help="Evaluate, and show the page and the rank; the board stays as it is.")
@click.option("--supersede", is_flag=True, help="As a maintainer: let it follow an earlier version of the same owner.")
@isolating
@JSON
def run(
    folder: Path,
    name: str,
    root: Path | None,
    out: Path,
    dry_run: bool,
    hours: float,
    memory: int,
    as_json: bool,
    **trusted: bool,
) -> None:
    """Evaluate FOLDER under a board's frozen protocol and enter it; the same command resumes."""
    from tempfile import TemporaryDirectory

    from bench.boards.store import boards_root, boards_to_write, open_board
    from bench.boards.submission.running import run as measure
    from bench.boards.submission.summary import summary
    from bench.cli.progress import Units
    from bench.foundation.files import atomic_write_text, make_folder

    chosen = open_board(name, boards_root(root) if dry_run else boards_to_write(root))
    before = chosen.names()
    with TemporaryDirectory() as scratch:
        board = _copied(chosen, Path(scratch)) if dry_run else chosen
        with Units() as bar:
            _, entry = measure(folder, board, out=out, limits=limits_of(hours, memory), on_tick=bar.tick, **trusted)
        if not dry_run:
            draw(board, entry, out)
        page, fields = summary(board, entry), entry_fields(board, entry)
    make_folder(out)
    path = out / f"{entry.name}-on-{board.name}-v{board.version}.md"
    atomic_write_text(path, page)
    if as_json:
        say_json(json.dumps(fields | {"page": str(path), "dry_run": dry_run}, indent=1))
        return
    say(f"{page}\nwritten to {path}")
    say(_outcome(entry, board, before=entry.name in before, dry_run=dry_run))


def _outcome(entry: Entry, board: Board, *, before: bool, dry_run: bool) -> str:
    """The effect on the board, in words. before: whether the entry was there already."""
    if before:
        return f"{entry.name} was on {board} before; this is the evaluation by which it entered."
    if dry_run:
        again = "Without --dry-run the same command enters the model, without repeating the attacks."
        return f"{board} is as it was: this was a dry run. {again}"
    return f"{entry.name} entered {board}; look at it: bench board show {board}"


def _copied(board: Board, folder: Path) -> Board:
    """A copy of the board below ``folder``, for an entry that is not to stay."""
    from bench.foundation.files import copy_folder

    target = folder / board.name / board.folder.name
    copy_folder(board.folder, target)
    return replace(board, folder=target)

"""``bench board run`` and ``bench board fill``: evaluate models of the zoo under a protocol, and enter them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.entered import entry_fields
from bench.cli.pictures import draw
from bench.cli.terminal import JSON, remark, say, say_json
from bench.cli.workers import COUNT, DEVICE, running_with, worker_options
from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.boards.store import Board, Entry
    from bench.evaluation.request.settings import Running

ROOT = click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of boards [default: leaderboards].")
OUT = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where runs go."
)


@click.command(short_help="Evaluate a zoo model under a board, and enter it.")
@click.argument("name", metavar="BOARD")
@click.argument("model")
@ROOT
@OUT
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
@worker_options
@JSON
def run(
    name: str,
    model: str,
    root: Path | None,
    out: Path,
    device: str,
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Evaluate MODEL (zoo:NAME) under the protocol of BOARD and enter it; the same command resumes."""
    import torch

    from bench.boards.running import run_zoo
    from bench.boards.store import boards_to_write, open_board
    from bench.cli.progress import Units
    from bench.foundation.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    running = running_with(workers, scheduler, threads=threads)
    chosen = open_board(name, boards_to_write(root))
    with Units() as bar:
        entry = run_zoo(chosen, model, out=out, device=device, running=running, on_tick=bar.tick)
    draw(chosen, entry, out)
    if as_json:
        say_json(json.dumps(entry_fields(chosen, entry), indent=1))
    else:
        say(f"{entry.name} entered {chosen}; look at it: bench board show {chosen}")


def _finish(board: Board, out: Path) -> None:
    """Bring up to date what a killed writer left undone: table, change log, and pictures of runs that lie below ``out``."""
    from bench.boards.gallery import read_galleries
    from bench.boards.render import render
    from bench.boards.running import folder_of

    with board.locked():
        render(board)
    drawn = read_galleries(board)
    for entry in board.entries():
        if entry.name not in drawn and folder_of(entry.record, out).is_dir():
            draw(board, entry, out)


@click.command(short_help="Evaluate and enter every zoo model that is missing.")
@click.argument("name", metavar="BOARD")
@ROOT
@OUT
@click.option("--only", multiple=True, metavar="MODEL", help="Only this zoo model; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Say what would be evaluated.")
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
@worker_options
@JSON
def fill(
    name: str,
    root: Path | None,
    out: Path,
    only: tuple[str, ...],
    dry_run: bool,
    device: str,
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> int:
    """Evaluate and enter every zoo model that fits BOARD, has weights, and is not on it; the same command resumes.

    A model that fails is reported, and the next one goes on; exit 1 if any failed. Several commands may run at once
    with different --only.
    """
    import torch

    from bench.boards.filling import waiting
    from bench.boards.store import boards_root, boards_to_write, open_board
    from bench.foundation.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    running = running_with(workers, scheduler, threads=threads)
    chosen = open_board(name, boards_root(root) if dry_run else boards_to_write(root))
    models = waiting(chosen, only)
    if not dry_run:
        _finish(chosen, out)
    tell: Callable[[object], None] = remark if as_json else say
    tell(f"{chosen}: {len(models)} to evaluate{': ' if models else ''}{', '.join(models)}")
    entered: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for number, (model, outcome) in enumerate(_outcomes(chosen, () if dry_run else models, out, device, running), 1):
        if isinstance(outcome, BenchError):
            failed[model] = str(outcome)
            say(f"{number} of {len(models)}: {model} did not enter: {outcome}", err=True)
        else:
            entered.append(entry_fields(chosen, outcome))
            tell(f"{number} of {len(models)}: {outcome.name} entered, {outcome.record.reliability.grade}")
    if as_json:
        shown = {"board": str(chosen), "to_evaluate": models, "entered": entered, "failed": failed}
        say_json(json.dumps(shown, indent=1))
    return int(bool(failed))


def _outcomes(
    board: Board, models: Sequence[str], out: Path, device: str, running: Running
) -> Iterator[tuple[str, Entry | BenchError]]:
    """Evaluate and enter models of the zoo one after another: each with its entry, or with what prevented it."""
    from bench.boards.running import run_zoo
    from bench.cli.progress import Units

    for number, model in enumerate(models, 1):
        try:
            with Units(of=f"{model} ({number} of {len(models)})") as bar:
                entry = run_zoo(board, f"zoo:{model}", out=out, device=device, running=running, on_tick=bar.tick)
            draw(board, entry, out)
        except BenchError as error:
            yield model, error
        else:
            yield model, entry

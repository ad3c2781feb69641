"""``bench measure``: measure everything that is published about a zoo model, one file per model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.terminal import say
from bench.cli.workers import running_with, worker_options
from bench.foundation.escaping import for_terminal
from bench.studies.measures.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bench.evaluation.request.settings import Tick

    Command = Callable[..., Any]


def _size(option: str, field: str, text: str, *, least: int = 0) -> Callable[[Command], Command]:
    """An option for a number of samples; the default is that of :class:`Sizes`."""
    return click.option(option, default=getattr(Sizes(), field), show_default=True, type=click.IntRange(least), help=text)


@click.command()
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="All classification models that have weights.")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder to write below [default: leaderboards].")
@_size("--clean-n", "clean", "Test images for clean accuracy.", least=1)
@_size("--cost-n", "cost", "For spikes and operations.", least=1)
@_size("--quick-n", "quick", "For `quick`; 0 leaves it out.")
@_size("--standard-n", "standard", "For `standard`; 0 leaves it out.")
@_size("--stochastic-n", "stochastic", "At most, under attack, for stochastic models.", least=1)
@click.option("--eps", default="2/255,8/255", show_default=True, help="Radii.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of this process, which then computes alone.")
@worker_options
def measure(
    model: str | None,
    everything: bool,
    root: Path | None,
    clean_n: int,
    cost_n: int,
    quick_n: int,
    standard_n: int,
    stochastic_n: int,
    eps: str,
    device: str,
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Measure MODEL (zoo:NAME) and write leaderboards/measures/NAME.json. What is there of the present weights is kept.

    Clean accuracy, accuracy per time step, firing rate, operations and energy, accuracy under noise and attack.
    """
    import torch

    from bench.boards.store import boards_root
    from bench.evaluation.request.resolve import device_named
    from bench.foundation.errors import BenchError
    from bench.foundation.memory import keep_freed_memory
    from bench.studies.measures.running import measurable, measure_model

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    device_named(device)
    running = running_with(workers, scheduler, threads=threads)
    if (model is None) != everything:
        raise BenchError("Nothing to measure was named.", "Name one model (bench measure zoo:NAME), or give --all.")
    sizes = Sizes(
        clean=clean_n, cost=cost_n, quick=quick_n, standard=standard_n, stochastic=stochastic_n, radii=tuple(eps.split(","))
    )
    for name in [model.removeprefix("zoo:")] if model else measurable():
        for part, reused in measure_model(name, boards_root(root), sizes, device=device, running=running, on_tick=_tick):
            say(f"{name}: {part}{' (kept)' if reused else ''}")


def _tick(tick: Tick) -> None:
    """On a terminal, rewrite the progress line."""
    if sys.stderr.isatty():
        click.echo(f"\r  {for_terminal(tick.label)} {tick.done}/{tick.total}\x1b[K", err=True, nl=tick.done == tick.total)

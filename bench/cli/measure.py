"""``bench measure``: what a zoo model does without an attack, one file per model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.terminal import say
from bench.cli.workers import COUNT
from bench.studies.measures.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Command = Callable[..., Any]


def _size(option: str, field: str, text: str) -> Callable[[Command], Command]:
    """An option for a number of samples; the default is that of :class:`Sizes`."""
    return click.option(option, default=getattr(Sizes(), field), show_default=True, type=click.IntRange(1), help=text)


@click.command()
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="All classification models that have weights.")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder to write below [default: leaderboards].")
@_size("--clean-n", "clean", "Test images for clean accuracy.")
@_size("--cost-n", "cost", "For spikes and operations.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
def measure(
    model: str | None,
    everything: bool,
    root: Path | None,
    clean_n: int,
    cost_n: int,
    device: str,
    threads: int | None,
) -> None:
    """Measure MODEL (zoo:NAME) and write leaderboards/measures/NAME.json. What is there of the present weights is kept.

    Clean accuracy, accuracy per time step, firing rate, operations and energy. Accuracy under attack is the boards' affair.
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
    if (model is None) != everything:
        raise BenchError("Nothing to measure was named.", "Name one model (bench measure zoo:NAME), or give --all.")
    sizes = Sizes(clean=clean_n, cost=cost_n)
    for name in [model.removeprefix("zoo:")] if model else measurable():
        for part, reused in measure_model(name, boards_root(root), sizes, device=device):
            say(f"{name}: {part}{' (kept)' if reused else ''}")

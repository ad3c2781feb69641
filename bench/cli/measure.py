"""``bench measure``: what a zoo model does without an attack, one file per model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.table import show_table
from bench.cli.terminal import JSON, is_quiet, remark, say, say_json
from bench.cli.workers import COUNT, DEVICE
from bench.foundation.progress import Bar
from bench.studies.measures.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bench.studies.measures.sheet import Sheet

    Command = Callable[..., Any]


def _size(option: str, field: str, text: str) -> Callable[[Command], Command]:
    """An option for a number of samples; the default is that of :class:`Sizes`."""
    return click.option(option, default=getattr(Sizes(), field), show_default=True, type=click.IntRange(1), help=text)


@click.command()
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="All classification models that have weights.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("records"),
    show_default=True,
    help="Folder; measures go into measures/ in it.",
)
@click.option("--publish", is_flag=True, help="Write into the folder of boards instead, where the tables read measures.")
@click.option(
    "--boards", "root", type=click.Path(path_type=Path), help="With --publish: that folder [default: leaderboards]."
)
@_size("--clean-n", "clean", "Test images for clean accuracy.")
@_size("--cost-n", "cost", "For spikes and operations.")
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
@JSON
def measure(
    model: str | None,
    everything: bool,
    out: Path,
    publish: bool,
    root: Path | None,
    clean_n: int,
    cost_n: int,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Measure MODEL (zoo:NAME): clean accuracy, accuracy per time step, firing rate, operations and energy.

    Parts that were measured of the present weights on as many samples are kept. Accuracy under attack is the boards' affair.
    """
    import torch

    from bench.boards.store import boards_to_write
    from bench.evaluation.request.resolve import device_named
    from bench.foundation.errors import BenchError
    from bench.foundation.memory import keep_freed_memory
    from bench.models.cards import named_card
    from bench.studies.measures.running import measurable
    from bench.studies.measures.sheet import check_replaceable, sheet_path

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    device_named(device)
    if (model is None) != everything:
        raise BenchError("Nothing to measure was named.", "Name one model (bench measure zoo:NAME), or give --all.")
    if root is not None and not publish:
        raise BenchError("--boards says where --publish writes.", "Give --publish as well, or --out instead.")
    sizes, home = Sizes(clean=clean_n, cost=cost_n), boards_to_write(root) if publish else out
    names = [named_card(model).name] if model else measurable()
    if publish:
        for name in names:
            check_replaceable(home, name, sizes)
    sheets = _measured(names, home, sizes, device)
    if as_json:
        say_json(json.dumps([sheet.model_dump(mode="json") for sheet in sheets], indent=1))
        return
    show_table([_row(sheet) for sheet in sheets])
    say("clean: accuracy in % [95% interval]; T: accuracy in % after so many time steps; nJ: estimated energy of an image")
    say(f"written to {sheet_path(home, names[0]).parent if names else home}")


def _measured(names: list[str], home: Path, sizes: Sizes, device: str) -> list[Sheet]:
    """Measure the models, with one bar over the images of all of them; their sheets."""
    from bench.studies.measures.running import images_left, measure_model
    from bench.studies.measures.sheet import read_sheet

    total, done = sum(images_left(name, home, sizes) for name in names), 0
    with Bar(quiet=is_quiet()) as bar:

        def on_images(count: int) -> None:
            nonlocal done
            done += count
            bar.show(done, total, name)

        for name in names:
            for part, reused in measure_model(name, home, sizes, device=device, on_images=on_images):
                remark(f"{name}: {part}{' (kept)' if reused else ''}")
    return [sheet for name in names if (sheet := read_sheet(home, name)) is not None]


def _row(sheet: Sheet) -> dict[str, str]:
    from bench.tasks.summary import percent

    by_step = ", ".join(f"T={step.steps}: {100 * step.accuracy.value:z.1f}" for step in sheet.steps)
    cost = sheet.cost
    return {
        "model": f"zoo:{sheet.model}",
        "clean": "-" if sheet.clean is None else percent(sheet.clean),
        "n": "-" if sheet.clean is None else f"{sheet.clean.n:,}",
        "by step": by_step or "-",
        "spikes per neuron and step": "-" if cost is None or cost.rate is None else f"{cost.rate:.3f}",
        "nJ": "-" if cost is None else f"{cost.energy_nj:.0f}",
    }

"""``bench evaluate``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.table import show_table

if TYPE_CHECKING:
    from bench.evaluator import Request
    from bench.plan import Price
    from bench.record import Cell, Record
    from bench.run import Tick

VERDICTS = {"unreliable": "UNRELIABLE", "upper_bound": "verdict", "reliable": "verdict: reliable"}


@click.command()
@click.option("--model", required=True, help="zoo:NAME, or FILE.py::FACTORY.")
@click.option(
    "--attack", "attacks", multiple=True, default=("pgd",), show_default=True, help="Attack; repeat for a worst case."
)
@click.option("--eps", default="8/255", show_default=True, help="Radius, or several: 2/255,8/255.")
@click.option("--norm", type=click.Choice(["linf", "l2"]), default="linf", show_default=True)
@click.option("--n", default="1000", show_default=True, help="First N samples, or all.")
@click.option("--data", help="Data set [default: the model's own], or folder:PATH.")
@click.option("--split", default="test", show_default=True)
@click.option(
    "--path", "path", default="training", show_default=True, help="Gradient path, e.g. bptt:surrogate=atan,alpha=10."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--stochastic", is_flag=True, help="FILE.py models only: two calls may differ.")
@click.option("--eot", type=click.IntRange(1), help="Draws averaged per query [default: 1, stochastic models 10].")
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where records go.")
@click.option("--save-adv", is_flag=True, help="Keep the adversarial images.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run of the same command left.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def evaluate(
    model: str, attacks: tuple[str, ...], n: str, threads: int | None, out: Path, as_json: bool, **options: Any
) -> None:
    """Measure clean accuracy, accuracy under noise and under attack, and the gap between them."""
    import torch

    from bench.memory import keep_freed_memory
    from bench.run import evaluate as run

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    with _Live(quiet=as_json) as live:
        record = run(
            model,
            attack=attacks,
            n=_count(n),
            out=out,
            on_start=live.start,
            on_tick=live.tick,
            **options,
        )
    if as_json:
        click.echo(record.model_dump_json(indent=1))
    else:
        summarise(record, out)


def _count(text: str) -> int | None:
    from bench.errors import SpecError

    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SpecError(f"--n must be a positive number or 'all', not {text!r}.", "For example --n 1000.")
    return int(text)


def summarise(record: Record, out: Path) -> None:
    """The table with intervals, the verdict, and where the record lies."""
    title = f"{record.model.ref} on {record.data.n} {record.data.split} images of {record.data.name}, {record.norm}"
    click.echo(title)
    show_table(_by_radius(record))
    click.echo("accuracy in % [95% interval]; gaps are paired, in points")
    for cell in record.cells:
        if len(cell.stages) > 1:
            click.echo(f"\n{cell.attack} at {cell.eps_text}, stage by stage")
            show_table(_by_stage(cell))
    for reason in record.reliability.reasons:
        click.echo(f"{VERDICTS[record.reliability.status]}: {reason}")
    if record.reliability.status == "upper_bound":
        click.echo("         use --attack standard for a number to publish; bench doctor looks closer")
    click.echo(f"record: {out}/{_folder(record)}  ({_duration(record.seconds)})")


def _by_stage(cell: Cell) -> list[dict[str, str]]:
    """One row per stage that had samples left to attack."""
    return [
        {
            "": stage.name,
            "attempted": str(stage.attempted),
            "broke": str(stage.broken),
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": _duration(stage.seconds),
        }
        for stage in cell.stages
        if stage.attempted
    ]


def _by_radius(record: Record) -> list[dict[str, str]]:
    """One column per radius; one row per thing measured."""
    from reports.tables import percent

    columns: dict[str, dict[str, str]] = {}
    for cell in record.cells:
        column = columns.setdefault(cell.eps_text, {})
        column["clean"] = percent(cell.clean)
        column["random noise"] = percent(cell.noise)
        column[f"random noise, worst of {cell.noise_draws}"] = percent(cell.noise_best)
    for cell in record.cells:
        columns[cell.eps_text][cell.attack] = percent(cell.robust)
    for cell in record.cells:  # the last cell of a radius is the strongest statement about it
        column = columns[cell.eps_text]
        column[f"{cell.attack}, rounded to 8 bits"] = percent(cell.robust_8bit)
        column["gap: noise - attack"] = percent(cell.gap)
        column["gap: worst noise - attack"] = percent(cell.gap_best)
        column["passes per sample"] = f"{cell.forwards:.1f} + {cell.backwards:.1f}"
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    last = record.cells[-1].attack
    kept = [name for name in names if not name.endswith(", rounded to 8 bits") or name.startswith(f"{last},")]
    return [{"": name} | {f"eps {eps}": column.get(name, "") for eps, column in columns.items()} for name in kept]


def _folder(record: Record) -> str:
    from bench.run import folder_name

    return folder_name(record.model.ref, record.identity)


class _Live:
    """Cost before, bar during; on stderr, so that stdout holds results only."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._quiet = quiet
        self._bar = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, request: Request, cost: Price) -> None:
        if not self._quiet:
            seconds = estimate(request, cost)
            self._console.print(
                f"at most {cost.forwards:,} forwards and {cost.backwards:,} backwards, about {_duration(seconds)}; "
                "less as samples fall",
                highlight=False,
            )

    def tick(self, tick: Tick) -> None:
        self._bar.update(self._task, description=tick.label, completed=tick.done, total=tick.total)


def estimate(request: Request, cost: Price) -> float:
    """Seconds the request may take: its price times the measured time of one forward, in the scorer's batches."""
    import time

    from bench.scorer import BATCH, Scorer

    scorer = Scorer(request.subject.module, request.subject.ref)
    x = request.samples[: min(BATCH, len(request.samples))].images.to(request.device)
    scorer.logits(x)
    began = time.perf_counter()
    scorer.logits(x)
    each = (time.perf_counter() - began) / BATCH
    # A backward to the input costs about as much as a forward: the same convolutions, transposed.
    return each * (cost.forwards + 1.3 * cost.backwards)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    )

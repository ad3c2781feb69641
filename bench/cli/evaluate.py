"""``bench evaluate``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.table import show_table

if TYPE_CHECKING:
    from bench.evaluator import Request
    from bench.plan import Price
    from bench.record import Interval, Record
    from bench.run import Tick


@click.command()
@click.option("--model", required=True, help="zoo:NAME, or FILE.py::FACTORY.")
@click.option("--attack", "attacks", multiple=True, default=("pgd",), show_default=True, help="Attack; repeat for a worst case.")
@click.option("--eps", default="8/255", show_default=True, help="Radius, or several: 2/255,8/255.")
@click.option("--norm", type=click.Choice(["linf", "l2"]), default="linf", show_default=True)
@click.option("--n", default="1000", show_default=True, help="First N samples, or all.")
@click.option("--data", help="Data set [default: the model's own], or folder:PATH.")
@click.option("--split", default="test", show_default=True)
@click.option("--path", "path", default="training", show_default=True, help="Gradient path, e.g. bptt:surrogate=atan,alpha=10.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--stochastic", is_flag=True, help="FILE.py models only: two calls may differ.")
@click.option("--eot", type=click.IntRange(1), help="Draws averaged per query [default: 1, stochastic models 10].")
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where records go.")
@click.option("--save-adv", is_flag=True, help="Keep the adversarial images.")
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
    if not text.isdigit() or int(text) < 1:
        raise SpecError(f"--n must be a positive number or 'all', not {text!r}.", "For example --n 1000.")
    return int(text)


def summarise(record: Record, out: Path) -> None:
    """The table with intervals, the verdict, and where the record lies."""
    rows = []
    for cell in record.cells:
        rows.append(
            {
                "attack": cell.attack,
                "eps": cell.eps_text,
                "clean": _percent(cell.clean),
                "noise": _percent(cell.noise),
                f"noise, worst of K={cell.noise_draws}": _percent(cell.noise_best),
                "robust": _percent(cell.robust),
                "gap": _percent(cell.gap),
                "gap (K)": _percent(cell.gap_best),
                "time": f"{cell.seconds:.0f} s",
            }
        )
    columns = {key for row in rows for key in row}
    if len(columns) > len(rows[0]):
        rows = [{("noise, worst of K" if k.startswith("noise, worst") else k): v for k, v in row.items()} for row in rows]
    title = f"{record.model.ref} on {record.data.n} {record.data.split} images of {record.data.name}, {record.norm}"
    show_table(rows, title=title)
    click.echo("accuracy in %, with 95% intervals; gap = noise - robust, paired, in points")
    verdict = "UNRELIABLE" if record.reliability.status == "unreliable" else "verdict"
    for reason in record.reliability.reasons:
        click.echo(f"{verdict}: {reason}")
    eight = record.cells[-1]
    if eight.robust_8bit.value - eight.robust.value > 0.01:
        click.echo(f"rounded to 8 bits, {_percent(eight.robust_8bit)} stay right")
    click.echo(f"record: {out}/{_folder(record)}  ({record.seconds:.0f} s)")


def _folder(record: Record) -> str:
    from bench.run import folder_name

    return folder_name(record.model.ref, record.identity)


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


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
    """Seconds the request may take: its price times the measured time of one micro-batch."""
    import time

    import torch

    n = min(request.micro_batch, len(request.samples.labels))
    x = request.samples.images[:n].to(request.device)
    with torch.inference_mode():
        request.subject.module(x)
        began = time.perf_counter()
        request.subject.module(x)
        each = (time.perf_counter() - began) / n
    # A backward to the input costs about as much as a forward: the same convolutions, transposed.
    return each * (cost.forwards + 1.3 * cost.backwards)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

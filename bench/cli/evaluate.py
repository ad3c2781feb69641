"""``bench evaluate``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attacks import THREATS
from bench.cli.summary import summarise

if TYPE_CHECKING:
    from bench.evaluation.records.record import Record
    from bench.evaluation.request.price import Price
    from bench.evaluation.request.request import Request
    from bench.evaluation.request.settings import Tick

_FRESH = (
    "Forget what an earlier run of the same command left. Needed after edits that are not noticed: of modules that FILE.py "
    "or an attack of your own imports, and of this suite."
)


@click.command()
@click.option("--model", required=True, help="zoo:NAME, or FILE.py::FACTORY.")
@click.option(
    "--attack", "attacks", multiple=True, default=("pgd",), show_default=True, help="Attack; repeat for a worst case."
)
@click.option("--eps", help="Radius, or several: 2/255,8/255 [default: 8/255 in linf; none in l2].")
@click.option("--norm", default="linf", show_default=True, help=f"Threat: {' or '.join(THREATS)}, or one of a plug-in.")
@click.option("--n", help="First N samples, or all [default: 1000, or all where there are fewer].")
@click.option("--data", help="Data set [default: the model's own], or folder:PATH.")
@click.option("--split", default="test", show_default=True)
@click.option(
    "--path", "path", default="training", show_default=True, help="Gradient path, e.g. bptt:surrogate=atan,alpha=10."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--stochastic", is_flag=True, help="FILE.py models only: two calls may differ.")
@click.option("--eot", type=click.IntRange(1), help="Draws averaged per query [default: 1, stochastic models 10].")
@click.option("--scorings", type=click.IntRange(1), help="Draws per verdict [default: 1, stochastic models 10].")
@click.option("--eight-bit", is_flag=True, help="The attacker hands over images of 8 bits, and searches among them.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where records go.")
@click.option("--save-adv", is_flag=True, help="Keep the adversarial images.")
@click.option("--fresh", is_flag=True, help=_FRESH)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def evaluate(
    model: str, attacks: tuple[str, ...], n: str | None, threads: int | None, out: Path, as_json: bool, **options: Any
) -> None:
    """Measure accuracy (or scores) clean, under noise and under attack, and the gap between noise and attack."""
    import torch

    from bench.evaluation.evaluate import evaluate as run
    from bench.foundation.memory import keep_freed_memory

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
            on_kept=live.kept,
            on_tick=live.tick,
            **options,
        )
    if as_json:
        click.echo(record.model_dump_json(indent=1))
    else:
        summarise(record, out)


def _count(text: str | None) -> int | None:
    from bench.evaluation.request.settings import DEFAULT_N
    from bench.foundation.errors import SpecError

    if text is None:
        return DEFAULT_N
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SpecError(f"--n must be a positive number or 'all', not {text!r}.", "For example --n 1000.")
    return int(text)


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
            from bench.evaluation.executors.choice import seconds_for
            from bench.tasks.summary import duration

            seconds = seconds_for(request)
            self._console.print(
                f"at most {cost.forwards:,} forwards and {cost.backwards:,} backwards, about {duration(seconds)}; "
                "less as samples fall",
                highlight=False,
            )

    def kept(self, record: Record) -> None:
        """Said even where progress is not: an old answer must not pass for a new one."""
        self._console.print(f"already done on {record.created[:10]} (--fresh to run it again)", highlight=False)

    def tick(self, tick: Tick) -> None:
        self._bar.update(self._task, description=tick.label, completed=tick.done, total=tick.total)

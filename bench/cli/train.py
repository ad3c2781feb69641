"""``bench train``: train zoo models from their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.terminal import is_quiet, say
from bench.cli.workers import COUNT
from bench.foundation.errors import BenchError, ModelError
from bench.foundation.progress import has_screen

if TYPE_CHECKING:
    from bench.tasks.training import TrainingRules
    from bench.training.checkpoint import Epoch
    from bench.training.loop import Progress
    from bench.training.side_by_side import Made, Places


@click.command()
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="Train the whole zoo, start and source models first.")
@click.option(
    "--size",
    type=click.Choice(["compact", "paper", "all"]),
    help="With --all: the compact zoo, networks of the papers' size, or both [default: compact; both on a GPU].",
)
@click.option("--missing", is_flag=True, help="With --all: only models without weights.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("trained"), show_default=True, help="Where the files go."
)
@click.option("--install", is_flag=True, help="Write into the zoo instead, card included (for developers).")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of checkpoints [default: a cache folder].")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder of data sets.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--compile", "compiled", is_flag=True, help="Fuse operations by torch.compile; needs a C++ compiler.")
@click.option("--threads", type=COUNT, help="CPU threads.")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="With --all: so many models side by side.")
def train(
    model: str | None,
    everything: bool,
    size: str | None,
    missing: bool,
    out: Path,
    install: bool,
    runs: Path | None,
    data_root: Path | None,
    device: str,
    compiled: bool,
    threads: int | None,
    workers: int,
) -> None:
    """Train MODEL (zoo:NAME) from its card, or convert it from its source. Run the same command again to resume."""
    import torch

    from bench.foundation.memory import keep_freed_memory
    from bench.models.cards import card_of, named_card
    from bench.training.side_by_side import Places, make_side_by_side
    from zoo.card import names

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    if device != "cpu" and not torch.cuda.is_available():
        raise BenchError(f"There is no device {device!r} here.", "Use --device cpu.")
    if (model is None) != everything:
        raise BenchError("Nothing to train was named.", "Name one model (bench train zoo:NAME), or give --all.")
    chosen_size = size or ("compact" if device == "cpu" else "all")
    chosen = _in_order(
        [named_card(model).name] if model else [name for name in names() if chosen_size in ("all", card_of(name).size)]
    )
    chosen = [name for name in chosen if not missing or card_of(name).weights is None]
    places = Places(None if install else out, runs, data_root, device, compiled)
    if workers > 1:
        for finished_model in make_side_by_side(chosen, places, workers):
            _print_result(finished_model)
    else:
        for name in chosen:
            _make(name, places)


def _make(name: str, places: Places) -> None:
    """Make one model in this process, with a live line."""
    from bench.models.cards import card_of
    from bench.tasks.lookup import training_rules
    from bench.training.side_by_side import make

    described = card_of(name)
    say(f"{name}: {described.summary}")
    if described.conversion:
        _print_result(make(name, places))
        return
    with _Live(described.training.epochs, training_rules(described.task)) as live:
        finished_model = make(name, places, live.step, live.epoch)
    _print_result(finished_model)


def _print_result(finished_model: Made) -> None:
    say(f"{finished_model.name}: {finished_model.figure} clean on validation; weights in {finished_model.weights}")


def _in_order(requested: list[str]) -> list[str]:
    """The names, each after the model it starts or is converted from.

    Raises ``UnknownNameError`` for unknown names, ``ModelError`` for cycles.
    """
    from bench.models.cards import card_of

    ordered: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            raise ModelError(f"The cards {', '.join(trail)} start from one another.", "Break the cycle.")
        needed = card_of(name).needs
        if needed is not None and needed in requested:
            visit(needed, (*trail, name))
        if name not in ordered:
            ordered.append(name)

    for name in requested:
        visit(name, ())
    return ordered


class _Live:
    """A live line: epoch, loss, figure of the task, time left; and a line that stays for each finished epoch."""

    def __init__(self, epochs: int, task: TrainingRules) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[figure]}  {task.fields[left]} left"),
            disable=is_quiet() or not has_screen(),
        )
        self._task = self._bar.add_task("", total=None, epoch=f"-/{epochs}", loss=0.0, figure="", left="?")
        self._as_text = task.written

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, progress: Progress) -> None:
        """Update the live line after a step."""
        minutes = progress.seconds_left / 60
        self._bar.update(
            self._task,
            total=progress.steps,
            completed=progress.step,
            epoch=f"{progress.epoch}/{progress.epochs}",
            loss=progress.loss,
            figure=self._as_text(progress.figure),
            left=f"{minutes:.0f} min" if minutes >= 2 else f"{progress.seconds_left:.0f} s",
        )

    def epoch(self, epoch: Epoch) -> None:
        """Print the line of a finished epoch."""
        if is_quiet():
            return
        self._bar.print(
            f"epoch {epoch.epoch:3d}  loss {epoch.loss:.3f}  training {self._as_text(epoch.train_figure)}  "
            f"validation {self._as_text(epoch.val_figure)}  {epoch.seconds:.0f} s"
        )

"""``bench train``: train zoo models from their cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.terminal import JSON, is_quiet, remark, say, say_json
from bench.cli.workers import COUNT, DEVICE
from bench.foundation.errors import BenchError, ModelError
from bench.foundation.progress import Bar, has_screen

if TYPE_CHECKING:
    from collections.abc import Iterator

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
@DEVICE
@click.option("--compile", "compiled", is_flag=True, help="Fuse operations by torch.compile; needs a C++ compiler.")
@click.option("--threads", type=COUNT, help="CPU threads.")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="With --all: so many models side by side.")
@JSON
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
    as_json: bool,
) -> None:
    """Train MODEL (zoo:NAME) from its card, or convert it from its source. Run the same command again to resume."""
    import torch

    from bench.foundation.memory import keep_freed_memory
    from bench.models.cards import card_of, named_card
    from bench.training.side_by_side import Places
    from zoo.card import names

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    if device != "cpu" and not torch.cuda.is_available():
        raise BenchError(f"There is no device {device!r} here.", "Use --device cpu.")
    if (model is None) != everything:
        raise BenchError("Nothing to train was named.", "Name one model (bench train zoo:NAME), or give --all.")
    chosen_size = size or ("compact" if device == "cpu" else "all")
    chosen = _in_order([named_card(model).name] if model else _with_parameters(names(), chosen_size))
    chosen = [name for name in chosen if not missing or card_of(name).weights is None]
    places = Places(None if install else out, runs, data_root, device, compiled)
    finished_models = []
    for finished_model in _side_by_side(chosen, places, workers) if workers > 1 else _one_by_one(chosen, places):
        finished_models.append(finished_model)
        if not as_json:
            say(f"{finished_model.name}: {finished_model.figure} clean on validation; weights in {finished_model.weights}")
    if as_json:
        say_json(json.dumps([_fields(finished_model) for finished_model in finished_models], indent=1))


def _with_parameters(names: Sequence[str], size: str) -> list[str]:
    """Those of ``names`` that are of a size (``all`` for any), and have parameters to train or to convert."""
    from bench.models.cards import card_of

    cards = [card_of(name) for name in names]
    return [described.name for described in cards if described.has_parameters and size in ("all", described.size)]


def _fields(finished_model: Made) -> dict[str, Any]:
    """A finished model as JSON has it. figure: of its task, on validation images."""
    from bench.models.cards import card_of
    from bench.tasks.lookup import training_rules

    figure = training_rules(card_of(finished_model.name).task).figure
    return {
        "model": f"zoo:{finished_model.name}",
        "figure": {"name": figure, "value": finished_model.value},
        "weights": str(finished_model.weights),
        "card": str(finished_model.card),
    }


def _side_by_side(chosen: list[str], places: Places, workers: int) -> Iterator[Made]:
    """Make models in processes of their own, with a bar over the models."""
    from bench.training.side_by_side import make_side_by_side

    with Bar(quiet=is_quiet()) as bar:
        for number, finished_model in enumerate(make_side_by_side(chosen, places, workers), 1):
            bar.show(number, len(chosen), finished_model.name)
            yield finished_model


def _one_by_one(chosen: list[str], places: Places) -> Iterator[Made]:
    """Make models in this process, with a live line."""
    from bench.models.cards import card_of
    from bench.tasks.lookup import training_rules
    from bench.training.side_by_side import make

    for name in chosen:
        described = card_of(name)
        if not described.has_parameters:
            raise ModelError(f"zoo:{name} has no parameters that could be trained.", "Evaluate it as it is.")
        remark(f"{name}: {described.summary}")
        if described.conversion:
            yield make(name, places)
            continue
        with _Live(described.training.epochs, training_rules(described.task)) as live:
            finished_model = make(name, places, live.step, live.epoch)
        yield finished_model


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
    """On standard error: a live line with epoch, loss, figure and time left, and a line for each finished epoch."""

    def __init__(self, epochs: int, task: TrainingRules) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[figure]}  {task.fields[left]} left"),
            console=Console(stderr=True),
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

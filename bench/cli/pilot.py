"""``bench pilot``: choose the weight of a penalty by its cost on validation data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.terminal import is_quiet, say
from bench.cli.workers import COUNT, DEVICE
from bench.foundation.errors import SpecError
from bench.foundation.progress import Bar

if TYPE_CHECKING:
    from bench.training.loop import Progress


@click.command()
@click.argument("model")
@click.option("--weights", required=True, help="Candidates, for example 0.0005,0.002,0.008.")
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True, help="Into which a pilot is compressed.")
@click.option("--lose", type=click.FloatRange(0, 1), default=0.02, show_default=True, help="What a pilot may lose.")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of checkpoints [default: a cache folder].")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder of data sets.")
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads.")
def pilot(
    model: str,
    weights: str,
    epochs: int,
    lose: float,
    runs: Path | None,
    data_root: Path | None,
    device: str,
    threads: int | None,
) -> None:
    """Try weights of the penalty of MODEL (zoo:NAME): the largest that costs no more than --lose on validation."""
    import torch

    from bench.foundation.memory import keep_freed_memory
    from bench.models.cards import named_card
    from bench.tasks.lookup import training_rules
    from bench.training.job import default_runs
    from bench.training.pilot import Pilot, chosen, pilots, start_figure
    from zoo.card import card_file

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    candidates, described = _parsed(weights), named_card(model)
    name = described.name
    as_text = training_rules(described.task).written
    start = start_figure(described, device=device, data_root=data_root)
    say(f"{described.training.start}: {as_text(start)} on validation; a pilot must keep {as_text(start - lose)}")
    trained_pilots: list[Pilot] = []
    with _Steps(len(candidates)) as bar:
        for trained in pilots(
            described,
            candidates,
            source=card_file(name),
            runs=(runs or default_runs()) / name,
            epochs=epochs,
            least=start - lose,
            device=device,
            data_root=data_root,
            on_step=bar.step,
        ):
            trained_pilots.append(trained)
            bar.finished += 1
            verdict = "kept" if trained.kept else "lost too much"
            say(f"weight {trained.weight:g}: {as_text(trained.figure)}, {verdict}")
    say(f"{name}: weight {chosen(trained_pilots):g}")


class _Steps(Bar):
    """A context that shows the steps of all pilots; if one loses too much, the larger weights are not tried.

    candidates: how many weights there are.
    """

    def __init__(self, candidates: int) -> None:
        self._candidates, self._began = candidates, False
        self.finished = 0
        super().__init__(quiet=is_quiet())

    def step(self, weight: float, progress: Progress) -> None:
        """Show a step of the pilot with ``weight``. What lies before the first one is of an earlier run."""
        each = progress.epochs * progress.steps
        done = self.finished * each + (progress.epoch - 1) * progress.steps + progress.step
        if not self._began:
            self._began, self.before = True, done - progress.step
        self.show(done, self._candidates * each, f"weight {weight:g}")


def _parsed(text: str) -> list[float]:
    """The weights of a comma-separated list. Raises ``SpecError`` for anything but finite positive numbers."""
    try:
        weights = [float(part) for part in text.split(",")]
    except ValueError:
        weights = []
    if not weights or not all(0 < weight < float("inf") for weight in weights):
        raise SpecError(f"{text!r} is no list of weights.", "For example --weights 0.0005,0.002,0.008.")
    return weights

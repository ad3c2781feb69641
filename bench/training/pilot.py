"""Chooses the weight of a penalty on validation data, by a rule that is fixed before any test image is used.

The rule takes the largest weight whose pilot keeps enough of the start model's figure. A pilot is the card's recipe
compressed into few epochs; its figure (accuracy or rank correlation) is measured on the validation split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from bench.data import load_samples
from bench.foundation.errors import ModelError
from bench.tasks.lookup import training_rules
from bench.training.job import train_model
from bench.training.loop import Progress, Split, figure
from zoo.card import Card, card
from zoo.loading import load_card


@dataclass(frozen=True)
class Pilot:
    """One pilot. figure: on validation images, after the pilot with ``weight``. kept: whether the figure is high enough."""

    weight: float
    figure: float
    kept: bool


def start_figure(described: Card, *, device: str = "cpu", data_root: Path | None = None) -> float:
    """The figure of the start model on validation images. Raises ``ModelError`` if there is no start model with weights."""
    start = described.training.start if described.recipe else None
    if start is None or card(start).weights is None:
        raise ModelError(f"{described.name} starts from no trained model.", "Pilots are for recipes that fine-tune.")
    samples = load_samples(described.dataset, split="val", root=data_root)
    model = load_card(card(start)).to(torch.device(device))
    return figure(model, Split(samples.pixels, samples.labels).to(torch.device(device)), task=training_rules(described.task))


def pilots(
    described: Card,
    weights: Sequence[float],
    *,
    source: Path,
    runs: Path,
    epochs: int,
    least: float,
    device: str = "cpu",
    data_root: Path | None = None,
    on_step: Callable[[float, Progress], None] = lambda weight, progress: None,
) -> Iterator[Pilot]:
    """Train a pilot for each weight, smallest first, until a figure is below ``least``; larger weights are then not tried.

    source: the card file. runs: folder of the pilots; a finished pilot is not trained again. on_step: called with the weight
    after each step of its training.
    Raises ``ModelError`` if the defense has no weight.
    """
    if "weight" not in described.defense.arguments:
        raise ModelError(f"The defense of {described.name} has no weight to choose.", "Pilots choose a penalty's weight.")
    for weight in sorted(weights):
        defense = described.defense.model_copy(update={"arguments": described.defense.arguments | {"weight": weight}})
        recipe = described.training.model_copy(update={"epochs": epochs})
        pilot_card = described.model_copy(update={"defense": defense, "recipe": recipe})
        folder = runs / "pilots" / f"{weight:g}"
        trained = train_model(
            pilot_card,
            source=source,
            out=folder,
            runs=folder,
            device=device,
            data_root=data_root,
            on_step=partial(on_step, weight),
        )
        yield Pilot(weight, trained.val_figure, trained.val_figure >= least)
        if trained.val_figure < least:
            return


def chosen(trained_pilots: Sequence[Pilot]) -> float:
    """The largest weight whose pilot was kept; the smallest weight if none was."""
    return max(
        (pilot.weight for pilot in trained_pilots if pilot.kept), default=min(pilot.weight for pilot in trained_pilots)
    )

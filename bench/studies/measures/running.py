"""Measures one model, part by part. A part that was measured on the present weights and as many samples is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.data import load_samples
from bench.foundation.errors import ModelError, RecordError
from bench.metrics.statistics import Floats, mean
from bench.models.cards import card_of
from bench.models.opening import open_subject
from bench.studies.measures.accuracy_by_step import accuracy_by_step, calibration, longest
from bench.studies.measures.cost import cost_of
from bench.studies.measures.sheet import Sheet, Step, blank, read_sheet, write_sheet
from bench.studies.measures.sizes import STEPS, Sizes
from bench.tasks.results import Interval
from zoo.card import card, names

MEASURED = "classification"
"""The task whose models are measured; the others have their own boards."""
MEASURED_ON = "cifar10"
"""The data set whose models are measured."""


def measurable() -> list[str]:
    """Names of the models for this task and data set that have weights and see the images themselves."""
    cards = (card_of(name) for name in names())
    fitting = (card for card in cards if (card.task, card.dataset) == (MEASURED, MEASURED_ON))
    return [card.name for card in fitting if card.weights is not None and not card.behind_camera]


def measure_model(
    name: str,
    root: Path,
    sizes: Sizes,
    *,
    device: str = "cpu",
    on_images: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[str, bool]]:
    """Measure ``name`` and write its sheet below ``root`` after each part; yields (part, whether it was there already).

    on_images: called with a number of images after so many more were measured; :func:`images_left` are all of them.
    Raises ``UnknownNameError`` if the model is unknown, ``ModelError`` if it has no weights or is not a classifier.
    """
    subject = open_subject(f"zoo:{name}")
    described = card(name)
    if described.task != MEASURED:
        raise ModelError(f"zoo:{name} is no classifier.", "Quality models are measured on their own board.")
    if described.dataset != MEASURED_ON:
        raise ModelError(f"zoo:{name} is for {described.dataset}.", f"Measure models of {MEASURED_ON}.")
    sheet = _kept(name, root)
    present = _has_clean(sheet, sizes)
    if not present:
        sheet = sheet.model_copy(update=_accuracies(name, sizes.clean, device, on_images))
        write_sheet(root, sheet)
    yield "clean accuracy, and per time step", present
    present = _has_cost(sheet, sizes)
    if not present:
        samples = load_samples(described.dataset, n=sizes.cost)
        cost = cost_of(subject.module.to(device), samples, device=device, on_images=on_images)
        sheet = sheet.model_copy(update={"cost": cost})
        write_sheet(root, sheet)
    yield "spikes and operations", present


def images_left(name: str, root: Path, sizes: Sizes) -> int:
    """How many images :func:`measure_model` will put through ``name``: those of the parts that its sheet lacks."""
    sheet = _kept(name, root)
    return (0 if _has_clean(sheet, sizes) else sizes.clean) + (0 if _has_cost(sheet, sizes) else sizes.cost)


def _kept(name: str, root: Path) -> Sheet:
    """What an earlier run measured of the present weights; nothing of a damaged file, which is measured again."""
    try:
        return read_sheet(root, name) or blank(name)
    except RecordError:
        return blank(name)


def _has_clean(sheet: Sheet, sizes: Sizes) -> bool:
    return sheet.clean is not None and sheet.clean.n == sizes.clean


def _has_cost(sheet: Sheet, sizes: Sizes) -> bool:
    return sheet.cost is not None and sheet.cost.n == sizes.cost


def _accuracies(name: str, n: int, device: str, on_images: Callable[[int], None]) -> dict[str, object]:
    """Clean accuracy at the model's own T, and after 1, 2, 4 and 8 steps as far as the model can run."""
    samples = load_samples(card(name).dataset, n=n)
    if not card(name).spiking:
        rates = accuracy_by_step(name, samples, [1], device=device, on_images=on_images)
        return {"clean": _interval(rates[0]), "steps": []}
    own_steps, longest_run, calibration_steps = (
        int(card(name).builder.arguments["steps"]),
        longest(card(name)),
        calibration(name),
    )
    steps = sorted({own_steps, *(t for t in STEPS if longest_run is None or t <= longest_run)})
    rates = accuracy_by_step(name, samples, steps, device=device, on_images=on_images)
    by_step = [
        Step(steps=t, latency=calibration_steps + t, accuracy=_interval(row)) for t, row in zip(steps, rates, strict=True)
    ]
    return {"clean": _interval(rates[steps.index(own_steps)]), "steps": by_step}


def _interval(rates: Floats) -> Interval:
    estimate = mean(np.asarray(rates, float).round(9))
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)

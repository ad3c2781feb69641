"""Measures one model, part by part.

A part that was measured on the present weights with the same settings, evaluator and stages is not measured again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.data import load_samples
from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.request.identity import folder_for, folder_name
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import IN_THIS_PROCESS, Running, Settings, Ticked, Watcher
from bench.foundation.errors import ModelError
from bench.foundation.spec import parse_eps
from bench.metrics.statistics import Floats, mean
from bench.models.cards import card_of
from bench.models.opening import open_subject
from bench.studies.measures.accuracy_by_step import accuracy_by_step, calibration, longest
from bench.studies.measures.cost import cost_of
from bench.studies.measures.sheet import Attacked, Sheet, Step, blank, read_sheet, records_folder, write_sheet
from bench.studies.measures.sizes import STEPS, Sizes
from bench.tasks.results import Interval
from zoo.card import card, names

ATTACKS = ("quick", "standard")
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
    running: Running = IN_THIS_PROCESS,
    on_tick: Ticked = lambda tick: None,
) -> Iterator[tuple[str, bool]]:
    """Measure ``name`` and write its sheet below ``root`` after each part; yields (part, whether it was there already).

    Raises ``UnknownNameError`` if the model is unknown, ``ModelError`` if it has no weights or is not a classifier.
    """
    subject = open_subject(f"zoo:{name}")
    described = card(name)
    if described.task != MEASURED:
        raise ModelError(f"zoo:{name} is no classifier.", "Quality models are measured on their own board.")
    if described.dataset != MEASURED_ON:
        raise ModelError(f"zoo:{name} is for {described.dataset}.", f"Measure models of {MEASURED_ON}.")
    sheet = read_sheet(root, name) or blank(name)
    present = sheet.clean is not None and sheet.clean.n == sizes.clean
    if not present:
        sheet = sheet.model_copy(update=_accuracies(name, sizes.clean, device))
        write_sheet(root, sheet)
    yield "clean accuracy, and per time step", present
    present = sheet.cost is not None and sheet.cost.n == sizes.cost
    if not present:
        samples = load_samples(described.dataset, n=sizes.cost)
        sheet = sheet.model_copy(update={"cost": cost_of(subject.module.to(device), samples, device=device)})
        write_sheet(root, sheet)
    yield "spikes and operations", present
    for attack in ATTACKS:
        n = sizes.attacked(attack, stochastic=described.stochastic)
        for eps in sizes.radii if n else ():
            settings = Settings(model=subject, attack=attack, eps=eps, n=n, device=device)
            expected = folder_for(resolve(settings))
            present = any(
                (attacked.attack, attacked.eps, attacked.record) == (attack, eps, expected) for attacked in sheet.attacked
            )
            if not present:
                sheet = _with_result(
                    sheet,
                    _attacked(settings, running, root, on_tick),
                )
                write_sheet(root, sheet)
                _drop_unused(root, sheet)
            yield f"{attack} at {eps}", present


def _accuracies(name: str, n: int, device: str) -> dict[str, object]:
    """Clean accuracy at the model's own T, and after 1, 2, 4 and 8 steps as far as the model can run."""
    samples = load_samples(card(name).dataset, n=n)
    if not card(name).spiking:
        return {"clean": _interval(accuracy_by_step(name, samples, [1], device=device)[0]), "steps": []}
    own_steps, longest_run, calibration_steps = (
        int(card(name).builder.arguments["steps"]),
        longest(card(name)),
        calibration(name),
    )
    steps = sorted({own_steps, *(t for t in STEPS if longest_run is None or t <= longest_run)})
    rates = accuracy_by_step(name, samples, steps, device=device)
    by_step = [
        Step(steps=t, latency=calibration_steps + t, accuracy=_interval(row)) for t, row in zip(steps, rates, strict=True)
    ]
    return {"clean": _interval(rates[steps.index(own_steps)]), "steps": by_step}


def _attacked(settings: Settings, running: Running, root: Path, on_tick: Ticked) -> Attacked:
    record = evaluate_once(settings, records_folder(root), running, Watcher(ticked=on_tick))
    (cell,) = record.cells
    return Attacked(
        attack=cell.attack,
        eps=cell.eps_text,
        noise=cell.noise,
        noise_best=cell.noise_best,
        robust=cell.robust,
        gap=cell.gap,
        reliability=record.reliability.status,
        record=name_of(record),
    )


def _drop_unused(root: Path, sheet: Sheet) -> None:
    """Drop the records of the sheet's model that no result of it is from."""
    model, used = folder_name(f"zoo:{sheet.model}", ""), {attacked.record for attacked in sheet.attacked}
    keep_only(records_folder(root), lambda name: name in used or f"{name.rpartition('-')[0]}-" != model)


def _with_result(sheet: Sheet, result: Attacked) -> Sheet:
    """The sheet with ``result`` in place of its former result under the same attack at the same radius, in a stable
    order.
    """
    others = [other for other in sheet.attacked if (other.attack, other.eps) != (result.attack, result.eps)]

    def position(attacked: Attacked) -> tuple[int, float]:
        return ATTACKS.index(attacked.attack), parse_eps(attacked.eps, norm="linf")[0].value

    ordered = sorted([*others, result], key=position)
    return sheet.model_copy(update={"attacked": ordered})


def _interval(rates: Floats) -> Interval:
    estimate = mean(np.asarray(rates, float).round(9))
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)

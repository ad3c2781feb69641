"""A training log as a table and as a figure."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields

from bench.foundation.colours import OKABE_ITO
from bench.tasks.classification.training import TRAINING as CLASSIFICATION
from bench.tasks.training import TrainingRules
from bench.training.checkpoint import Epoch


def as_csv(log: list[Epoch], *, task: TrainingRules = CLASSIFICATION) -> str:
    """One line per epoch; the figures' columns are named after the task's figure, for example ``val_accuracy``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name.replace("figure", task.figure) for field in fields(Epoch))
    writer.writerows([round(value, 6) for value in asdict(epoch).values()] for epoch in log)
    return text.getvalue()


def curve(log: list[Epoch], *, title: str, task: TrainingRules = CLASSIFICATION) -> bytes:
    """PNG of the task's figure and the loss per epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    figure_axes = figure.subplots()
    loss_axes = figure_axes.twinx()
    epochs = [epoch.epoch for epoch in log]
    figure_axes.plot(
        epochs, [100 * epoch.train_figure for epoch in log], color=OKABE_ITO[0], label="training (as the defense sees it)"
    )
    figure_axes.plot(epochs, [100 * epoch.val_figure for epoch in log], color=OKABE_ITO[1], label="validation, clean")
    loss_axes.plot(epochs, [epoch.loss for epoch in log], color="#777777", linestyle="--", label="loss")
    figure_axes.set(xlabel="epoch", ylabel=task.label, title=title)
    loss_axes.set_ylabel("training loss")
    figure_axes.grid(alpha=0.3)
    handles = figure_axes.get_lines() + loss_axes.get_lines()
    figure_axes.legend(handles, [str(line.get_label()) for line in handles], loc="center right", fontsize="small")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()

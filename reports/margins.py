"""How far attacked samples lie from the decision: histograms of their margins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.errors import RecordError
from bench.metrics.statistics import Floats
from bench.tasks.record import Record
from reports.paper_style import BLUE, COLUMN, DARK, ORANGE, in_paper_style
from reports.plots import check_comparable, labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Margins under attack at {eps} of the samples that are right without it: the largest other logit minus that of "
    "the label. Left of zero, blue: samples that stand; right of it, orange and hatched: broken ones. Heights are "
    "square roots of counts, so that few samples are seen beside many; samples beyond the ends of the axis are "
    "counted in the outermost bars."
)
BINS, TAIL = 40, 0.01
"""Bars, and the share of samples beyond each end of the axis."""


def margins_of(record: Record, eps_text: str) -> tuple[Floats, Floats]:
    """Margins (n,) of the samples that stand and of those that are broken, under the last attack at a radius."""
    rows = record.rows[record.rows["eps_text"] == eps_text]
    if rows.empty:
        raise RecordError(f"{record.model.ref} has no rows at {eps_text}.", "Draw a radius that all records share.")
    rows = rows[rows["attack"] == rows["attack"].iloc[-1]]
    rows = rows[np.isfinite(rows["margin"].to_numpy(float))]
    standing, broken = (rows.loc[rows["verdict"] == verdict, "margin"].to_numpy(float) for verdict in ("robust", "broken"))
    return standing, broken


def edges_of(values: Floats) -> Floats:
    """Edges (BINS + 1,) of bars over most of ``values`` (n,), zero among them, so that no bar holds both verdicts."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL]) if len(values) else (-1.0, 1.0)
    step = max(high - low, 1e-6) / BINS
    first = np.floor(min(low, 0.0) / step)
    edges: Floats = step * (first + np.arange(int(np.ceil(max(high, step) / step - first)) + 1))
    return edges


@in_paper_style
def margin_histograms(records: Sequence[Record], eps_text: str, *, width: float = COLUMN) -> Figure:
    """One histogram per model at a radius, below each other on one axis. width: in inches.

    Raises ``RecordError`` if the records are not comparable, lack the radius, or hold no attacked sample.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    margins = {name: margins_of(record, eps_text) for name, record in zip(labels(records), records, strict=True)}
    pooled = np.concatenate([values for pair in margins.values() for values in pair])
    if not len(pooled):
        raise RecordError(f"No sample was attacked at {eps_text}.", "Look at the clean accuracy first.")
    edges = edges_of(pooled)
    figure = Figure(figsize=(width, 0.6 + 0.34 * len(margins)), layout="constrained")
    panels = figure.subplots(len(margins), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, (standing, broken)) in zip(panels, margins.items(), strict=True):
        _draw(axes, name, standing, broken, edges)
    panels[-1].set_xlabel(f"margin under attack of {eps_text} (logits)\nblue: standing; hatched: broken", loc="right")
    return figure


def _draw(axes: Axes, name: str, standing: Floats, broken: Floats, edges: Floats) -> None:
    # A margin of exactly zero is a tie, which the verdict decides: it is drawn on the side of its verdict.
    step = edges[1] - edges[0]
    for values, colour, hatch, low, high in (
        (standing, BLUE, "", edges[0], -step / 2),
        (broken, ORANGE, "/////", step / 2, edges[-1]),
    ):
        counts, _ = np.histogram(np.clip(values, low, high), edges)
        axes.bar(
            edges[:-1], np.sqrt(counts), step, align="edge", color=colour, hatch=hatch, edgecolor="white", linewidth=0.3
        )
    axes.axvline(0, color=DARK, linewidth=0.7)
    axes.set_yticks([])
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)

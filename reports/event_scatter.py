"""What an attack changes in recordings of events: every event a point over time and space, changes marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.errors import RecordError
from reports.paper_style import GREEN, GREY, ORANGE, PAGE, in_paper_style
from reports.picks import Pick
from reports.plots import without_mathematics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

CAPTION = (
    "Events of attacked recordings over time, by column and by row of the sensor. Grey dots: events that the attack "
    "left alone; green crosses: added; orange circles: removed. Above each recording: what the network answers before"
    " and after the attack."
)
WITHIN = 0.7
"""Width of the band over which the events of one frame are spread, in frames, so that they do not hide each other."""


@dataclass(frozen=True)
class Changes:
    """Places (n, 4) of events as (time, polarity, row, column): those in both recordings, added ones, removed ones."""

    kept: NDArray[np.int64]
    added: NDArray[np.int64]
    removed: NDArray[np.int64]


def changes_of(clean: NDArray[np.float32], adversarial: NDArray[np.float32]) -> Changes:
    """What became of the events of frames (T, 2, H, W).

    A cell that holds more events than before counts as added to, one that holds fewer as removed from, and one that
    holds as many as before as kept.
    """
    kept = (clean > 0) & (clean == adversarial)
    places = (np.argwhere(cells).astype(np.int64) for cells in (kept, adversarial > clean, adversarial < clean))
    return Changes(*places)


@in_paper_style
def event_scatter(picks: Sequence[Pick], *, width: float = PAGE) -> Figure:
    """One column per recording: events over time by column (above) and by row (below). width: in inches.

    Raises ``RecordError`` if there is no recording of events.
    """
    from matplotlib.figure import Figure

    recordings = [(pick, pick.events) for pick in picks if pick.events is not None]
    if not recordings:
        raise RecordError("There are no recordings of events to show.", "Name a record of event frames with --save-adv.")
    figure = Figure(figsize=(width, 0.62 * width), layout="constrained")
    panels = figure.subplots(2, len(recordings), squeeze=False, sharex=True)
    for column, (pick, (clean, adversarial)) in enumerate(recordings):
        changes = changes_of(clean, adversarial)
        frames, _, height, across = clean.shape
        for axes, axis, extent in ((panels[0, column], 3, across), (panels[1, column], 2, height)):
            _draw(axes, changes, axis)
            axes.set(xlim=(-0.6, frames - 0.4), ylim=(extent, -1))
        counts = f"added in {len(changes.added)} cells, removed in {len(changes.removed)}"
        text = without_mathematics(f"sample {pick.sample}: {pick.before} → {pick.after}\n{counts}")
        panels[0, column].annotate(text, (0, 1.03), xycoords="axes fraction", fontsize=7)
        panels[1, column].set_xlabel("frame")
    panels[0, 0].set_ylabel("column")
    panels[1, 0].set_ylabel("row")
    return figure


def _draw(axes: Axes, changes: Changes, axis: int) -> None:
    for places, colour, marker, size in (
        (changes.kept, GREY, ".", 2.0),
        (changes.removed, ORANGE, "o", 9.0),
        (changes.added, GREEN, "x", 9.0),
    ):
        other = 5 - axis  # of the two coordinates of space, the one that the panel does not show
        depth = places[:, other] / max(int(places[:, other].max(initial=1)), 1)
        x, y = places[:, 0] + WITHIN * (depth - 0.5), places[:, axis]
        if marker == "x":
            axes.scatter(x, y, s=size, marker=marker, color=colour, linewidths=0.8)
        else:
            filled = colour if marker == "." else "none"
            axes.scatter(x, y, s=size, marker=marker, facecolors=filled, edgecolors=colour, linewidths=0.7)

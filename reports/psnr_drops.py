"""How far attacks lower the PSNR of reconstructions, against the radius of the attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.tasks.reconstruction.results import Drop
from bench.tasks.record import Record
from reports.direct_labels import Named, height_for, label_at_the_right
from reports.paper_style import COLUMN, GREY, HEIGHT, blank, in_paper_style, look
from reports.plots import check_comparable, label, labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Drop in PSNR against the radius of the attack, each picture compared with the scene that was shown. Filled markers: "
    "under attack, with 95% intervals; dotted lines connect the measured radii and state nothing between them. Hollow "
    "markers: under random noise of the radius."
)


def reconstructs(record: Record) -> bool:
    """Whether a record is of a model that reconstructs."""
    return all(isinstance(result, Drop) for result in record.results)


def last_drops(record: Record) -> list[Drop]:
    """The strongest result per radius, which is the last one there; by ascending radius.

    Raises ``RecordError`` for a record of another task.
    """
    strongest = {result.eps: result for result in record.results if isinstance(result, Drop)}
    if not strongest:
        raise RecordError(f"{label(record)} answers no pictures.", "Draw records of models that reconstruct.")
    return [strongest[eps] for eps in sorted(strongest)]


@in_paper_style
def psnr_drops(records: Sequence[Record], *, width: float = COLUMN) -> Figure:
    """One colour and marker per model, named at the right end. width: in inches.

    Raises ``RecordError`` if the records are not comparable, or one is of another task.
    """
    check_comparable(records)
    figure, axes = blank(width, height_for(len(records) + 1, HEIGHT))
    radii = {drop.eps: drop.eps_text for record in records for drop in last_drops(record)}
    ends = [
        _draw_curve(axes, record, name, number)
        for number, (record, name) in enumerate(zip(records, labels(records), strict=True))
    ]
    largest = max(radii)
    ends.append(Named(largest, last_drops(records[0])[-1].drop_noise.value, "random noise", GREY, "o", hollow=True))
    axes.set_xticks([0.0, *sorted(radii)], ["0", *(radii[radius] for radius in sorted(radii))])
    axes.set(xlabel=f"radius ({records[0].norm})", ylabel="drop in PSNR (dB)")
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.grid(axis="x", visible=False)
    label_at_the_right(figure, axes, ends)
    return figure


def _draw_curve(axes: Axes, record: Record, name: str, number: int) -> Named:
    """Draw one model, and return the point at the end of its curve."""
    drops = last_drops(record)
    colour, marker = look(number)
    x, y = [0.0, *(drop.eps for drop in drops)], [0.0, *(drop.drop.value for drop in drops)]
    below = [0.0, *(drop.drop.value - drop.drop.low for drop in drops)]
    above = [0.0, *(drop.drop.high - drop.drop.value for drop in drops)]
    axes.errorbar(x, y, [below, above], color=colour, marker=marker, linestyle=":", elinewidth=0.7, label=name)
    noise = [drop.drop_noise.value for drop in drops]
    axes.plot(x[1:], noise, color=colour, marker=marker, markerfacecolor="white", linestyle="", markersize=3)
    return Named(x[-1], y[-1], name, colour, marker)

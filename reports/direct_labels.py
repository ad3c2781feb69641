"""Names beside what they name, in place of a legend over the data. Labels stand right of the axes and never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.paper_style import DARK, GREY, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PITCH = 8.4
"""Points from one label to the next."""
POINTS_PER_INCH = 72
KEY, TEXT = 1.055, 1.085
"""Where the markers and the texts of the labels stand, in widths of the axes."""


@dataclass(frozen=True)
class Named:
    """A point that gets a label. x, y: in data units. hollow: whether its marker is not filled."""

    x: float
    y: float
    name: str
    colour: str
    marker: str
    hollow: bool = False


def spread(wanted: Sequence[float], *, pitch: float, low: float, high: float) -> list[float]:
    """Places as near to ``wanted`` as possible (least squares) that are at least ``pitch`` apart, between low and high.

    The order is kept: of two equal wishes the earlier one gets the lower place. Neighbours that would overlap form a block,
    which is centred on the mean of what its members wanted; that is the optimum (pool adjacent violators). Raises
    ``ValueError`` if so many labels do not fit.
    """
    if pitch * (len(wanted) - 1) > (high - low) * (1 + 1e-9):
        raise ValueError(f"{len(wanted)} labels that are {pitch:g} apart do not fit between {low:g} and {high:g}")
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[tuple[float, int]] = []  # mean of the wishes without the distances, and number of labels
    for rank, index in enumerate(order):
        mean, size = wanted[index] - rank * pitch, 1
        while blocks and blocks[-1][0] >= mean:
            other_mean, other_size = blocks.pop()
            mean, size = (mean * size + other_mean * other_size) / (size + other_size), size + other_size
        blocks.append((mean, size))
    free = max(high - low - pitch * (len(wanted) - 1), 0.0)
    bottoms = [min(max(mean, low), low + free) for mean, size in blocks for _ in range(size)]
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = bottoms[rank] + rank * pitch
    return places


def height_for(labels: int, least: float) -> float:
    """Inches: height of a figure whose axes have room for so many labels. least: height if there are few."""
    return max(least, (labels + 1) * PITCH / POINTS_PER_INCH + 0.5)


def label_at_the_right(figure: Figure, axes: Axes, points: Sequence[Named]) -> None:
    """Write the name of each point right of the axes, with its marker before it and a thin line to the point.

    The limits of the axes must be final. Points at the same height: the earlier ones get the lower places.
    """
    figure.draw_without_rendering()  # the layout decides how many points high the axes are
    height = axes.get_window_extent().height / figure.dpi * POINTS_PER_INCH
    to_fractions = axes.transData + axes.transAxes.inverted()
    wishes = [float(to_fractions.transform((point.x, point.y))[1]) for point in points]
    places = spread(wishes, pitch=min(PITCH / height, 1 / max(len(points) - 1, 1)), low=0, high=1)
    for point, place in zip(points, places, strict=True):
        axes.annotate(
            point.name,
            xy=(point.x, point.y),
            xytext=(TEXT, place),
            textcoords="axes fraction",
            fontsize=SMALL,
            color=DARK,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": GREY,
                "linewidth": 0.4,
                "relpos": (0, 0.5),
                "shrinkA": 0,
                "shrinkB": 2.5,
                "zorder": 1,
            },
        )
        axes.scatter(
            [KEY],
            [place],
            s=12,
            marker=point.marker,
            facecolors="white" if point.hollow else point.colour,
            edgecolors=point.colour,
            linewidths=0.8,
            transform=axes.transAxes,
            clip_on=False,
            zorder=3,
        )

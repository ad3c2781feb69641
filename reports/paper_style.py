"""How every figure looks, so that it goes into a paper as it is: a column or a page wide, small type, no title.

Colours are Okabe and Ito's, which colour-blind readers can distinguish. A marker is the second channel: the numbers of
colours and of markers have no common divisor, so that 56 models differ in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from bench.foundation.colours import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.25, 6.75
"""Inches: widths of one column and of both columns of a printed page."""
HEIGHT = 2.4
"""Inches: the least height of a figure with a vertical scale of values."""
MARKERS = "osD^vPX*"
BLUE, ORANGE, GREEN = OKABE_ITO[:3]
GREY, DARK = "#8C8C8C", "#222222"
SMALL = 6.5
"""Points: type of direct labels and of numbers inside a figure."""
STYLE = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 0.9,
    "lines.markersize": 4.0,
    "hatch.linewidth": 0.5,
    "errorbar.capsize": 1.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
}
Given = ParamSpec("Given")


def in_paper_style(draw: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """The function, whose figure is made with :data:`STYLE` and leaves the settings of the process as they were."""

    @wraps(draw)
    def styled(*args: Given.args, **kwargs: Given.kwargs) -> Figure:
        import matplotlib

        with matplotlib.rc_context(dict[Any, Any](STYLE)):
            return draw(*args, **kwargs)

    return styled


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes. width, height: in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def look(number: int) -> tuple[str, str]:
    """Colour and marker of the model with this number, from 0."""
    return OKABE_ITO[number % len(OKABE_ITO)], MARKERS[number % len(MARKERS)]


def name_rows(axes: Axes, names: Sequence[str], *, title: str) -> None:
    """Give each row of a figure its name, the first one on top. title: of the axis of values."""
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(title, loc="right")  # centred, a long one would be cut off: the names take the room on the left
    axes.grid(axis="y", visible=False)


def rows_high(count: int, *, row: float = 0.17, rest: float = 0.55) -> float:
    """Inches: height of a figure with ``count`` rows of ``row`` inches. rest: for the axis and its label."""
    return rest + row * max(count, 2)


def percentages(value: float, low: float, high: float) -> tuple[float, list[list[float]]]:
    """A rate in [0, 1] and its interval, as matplotlib takes them: the value in %, and what lies below and above it."""
    return 100 * value, [[100 * max(value - low, 0)], [100 * max(high - value, 0)]]

"""Quick plots for a notebook: one record over its radii, and the paired differences of two.

``bench report plots`` draws more.

Attacks differ in colour and in marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from bench.foundation.colours import OKABE_ITO
from bench.foundation.errors import RecordError
from bench.foundation.escaping import one_line
from bench.foundation.threats import threat_registry

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.tasks.comparison import Comparisons
    from bench.tasks.record import Record
    from bench.tasks.results import Interval, Point

COLOURS = OKABE_ITO[:6]
"""Without black: the axes are black."""
MARKERS = "osD^vP"


class Picture(Figure):
    """A figure of matplotlib that a notebook shows although no window was opened for it; ``savefig`` keeps it."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def record_picture(record: Record) -> Picture:
    """The figure of each attack against the radius, with 95% intervals, beside random noise of the same radius (dashed).

    Raises ``RecordError`` if the record's task says nothing about its figure.
    """
    points: dict[str, list[tuple[float, Point]]] = {}
    for result in record.results:
        if (point := result.point) is not None:
            points.setdefault(result.attack, []).append((result.eps, point))
    if not points:
        raise RecordError(f"There is no plot for models of the task {record.task!r}.", "Draw record.results yourself.")
    threat = threat_registry.get(record.norm)
    picture = Picture(figsize=(5.5, 3.8), layout="constrained")
    axes = picture.subplots()
    first = next(iter(points.values()))[0][1]
    for number, (attack, with_radii) in enumerate(points.items()):
        ordered = sorted(with_radii, key=lambda pair: pair[0])
        radii = [radius * threat.display_scale for radius, _ in ordered]
        if number == 0:
            noise = [(radius, point.noise) for radius, (_, point) in zip(radii, ordered, strict=True)]
            _line(axes, _from_clean(noise, first), first, "random noise", "0.4", "x", dashed=True)
        attacked = [(radius, point.attacked) for radius, (_, point) in zip(radii, ordered, strict=True)]
        style = (COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)])
        _line(axes, _from_clean(attacked, first), first, _plain(attack), *style)
    axes.set(xlabel=f"radius ({threat.display_unit or threat.name})", ylabel=first.axis, ylim=(0, None))
    axes.grid(alpha=0.3)
    picture.legend(loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    return picture


def comparison_picture(comparisons: Comparisons) -> Picture:
    """Every paired difference with its 95% interval, one under the other; the line at 0 is no difference."""
    picture = Picture(figsize=(5.5, 1.0 + 0.35 * len(comparisons)), layout="constrained")
    axes = picture.subplots()
    for position, comparison in enumerate(comparisons):
        difference = comparison.difference
        axes.plot([difference.low, difference.high], [position, position], color=COLOURS[0])
        axes.plot([difference.value], [position], color=COLOURS[0], marker=MARKERS[0])
    names = [_plain(f"{c.what} {c.eps_text}".strip()) for c in comparisons]
    axes.set_yticks(list(range(len(names))), names)
    axes.invert_yaxis()
    axes.margins(y=0.1)
    axes.locator_params(axis="x", nbins=6)
    axes.axvline(0, color="0.4", linewidth=1)
    axes.set_xlabel(f"{comparisons.figure}: first minus second, 95% interval")
    return picture


def _from_clean(intervals: list[tuple[float, Interval]], point: Point) -> list[tuple[float, Interval]]:
    return intervals if point.clean is None else [(0.0, point.clean), *intervals]


def _line(
    axes: Axes,
    at: Sequence[tuple[float, Interval]],
    point: Point,
    name: str,
    colour: str,
    marker: str,
    *,
    dashed: bool = False,
) -> None:
    radii = [radius for radius, _ in at]
    value, low, high = ([getattr(interval, end) * point.factor for _, interval in at] for end in ("value", "low", "high"))
    lengths = [[v - end for v, end in zip(value, low, strict=True)], [end - v for v, end in zip(value, high, strict=True)]]
    axes.errorbar(
        radii,
        value,
        yerr=lengths,
        label=name,
        capsize=3,
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1,
        linestyle="--" if dashed else "-",
    )


def _plain(text: str) -> str:
    """Text of a stranger on one line, without matplotlib's mathematics."""
    return one_line(text).replace("$", r"\$")

"""Pictures of a whole board: every model's curve over the radii, and clean figure against figure under attack.

They are inline SVG without script and style attributes. Each mark names its entry, so that the page's script can answer to
the mouse.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.tasks.results import Interval
from reports.presentations.presentation import Column, CurvePoint, presentation_of
from reports.site.axes import NEAR, Axes, around, rounded_up
from reports.site.figures import drawn, measured, percent, sign
from reports.site.view import BoardView, EntryView
from reports.ticks import labelled_radii

WIDTH, HEIGHT = 520, 330
LEAST_TOP = 0.2
"""Of the axis for the figure under attack, of which little may be left."""


@dataclass(frozen=True)
class Mark:
    """An entry in a picture.

    number: place of the entry in the board's table. kind: ``best``, ``reference`` or ``other``. says: its title and
    figures. line: points of its polyline. at: centre of its point.
    """

    number: int
    kind: str
    says: str
    line: str = ""
    at: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Chart:
    """Marks on axes; ``x_ticks`` are (position, text). The most important marks come last and lie above."""

    axes: Axes
    marks: list[Mark]
    x_ticks: list[tuple[float, str]]
    x_title: str
    y_title: str


def curves(board: BoardView, limit: int) -> Chart | None:
    """Figure against radius of the first ``limit`` current entries; None without entries."""
    presentation, places = presentation_of(board.protocol.task), _places(board)
    entries = _drawn(board, limit)
    if not entries:
        return None
    lines = {entry.name: presentation.curve(entry.record, board.protocol) for entry in entries}
    heights = [interval.value for start, points in lines.values() for interval in (start, *(p.attacked for p in points))]
    largest = max(point.eps for _, points in lines.values() for point in points)
    axes = Axes(largest, rounded_up(max(heights), presentation.lowest_top), WIDTH, HEIGHT)
    marks = []
    for entry in entries:
        start, points = lines[entry.name]
        xs, ys = [0.0, *(point.eps for point in points)], [start.value, *(point.attacked.value for point in points)]
        marks.append(Mark(places[entry.name], _kind(entry, board), _says(entry, start, points), axes.line(xs, ys)))
    radii = {point.eps: point.text for _, points in lines.values() for point in points}
    ticks = [(axes.x(0), "0"), *((axes.x(eps), radii[eps]) for eps in labelled_radii(radii, NEAR))]
    return Chart(axes, marks, ticks, f"radius ({board.protocol.norm})", board.words.axis)


def against_clean(board: BoardView, limit: int) -> Chart | None:
    """The figure that orders the board against the clean one, of the first ``limit`` entries; None if none has both."""
    presentation = presentation_of(board.protocol.task)
    clean, main = next((column for column in board.columns if column.key == presentation.clean), None), board.main
    if clean is None or main is None:
        return None
    pairs = [(entry, entry.values.get(clean.key, ""), entry.values.get(main.key, "")) for entry in _drawn(board, limit)]
    points = [(entry, x, y) for entry, x, y in pairs if isinstance(x, float) and isinstance(y, float)]
    if not points:
        return None
    places = _places(board)
    left, right = around([drawn(x, clean.kind) for _, x, _ in points])
    top = rounded_up(max(drawn(y, main.kind) for _, _, y in points), LEAST_TOP)
    axes = Axes(right, top, WIDTH, HEIGHT, x_bottom=left)
    marks = [
        Mark(
            places[entry.name],
            _kind(entry, board),
            _pair(entry, (clean, x), (main, y)),
            at=(axes.x(drawn(x, clean.kind)), axes.y(drawn(y, main.kind))),
        )
        for entry, x, y in points
    ]
    ticks = [(position, str(percent)) for position, percent in axes.x_ticks]
    if not sign(clean.kind):
        ticks = [(position, f"{percent / 100:g}") for position, percent in axes.x_ticks]
    return Chart(axes, marks, ticks, _axis(clean), _axis(main))


def _axis(column: Column) -> str:
    if column.axis:
        return column.axis
    unit = sign(column.kind).strip()
    return f"{column.title} ({unit})" if unit else column.title


def _drawn(board: BoardView, limit: int) -> list[EntryView]:
    """The first current entries, the best last."""
    order = {"other": 1, "reference": 0, "best": 2}
    first = [entry for entry in board.entries if entry.current][:limit]
    return sorted(first, key=lambda entry: order[_kind(entry, board)])


def _places(board: BoardView) -> dict[str, int]:
    return {entry.name: number for number, entry in enumerate(board.entries)}


def _kind(entry: EntryView, board: BoardView) -> str:
    if entry.reference:
        return "reference"
    best = board.best and not board.nothing_left and entry.name == board.best[0].name
    return "best" if best else "other"


def _says(entry: EntryView, start: Interval, points: list[CurvePoint]) -> str:
    figures = [f"{percent(start.value)} at 0", *(f"{percent(p.attacked.value)} at {p.text}" for p in points)]
    return f"{entry.title}: {', '.join(figures)}"


def _pair(entry: EntryView, *figures: tuple[Column, float]) -> str:
    listed = ", ".join(f"{column.title} {measured(value, column.kind)}" for column, value in figures)
    return f"{entry.title}: {listed}"

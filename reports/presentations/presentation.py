"""Everything that pages and tables need to know about a task, in one frozen object that is looked up by the task's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from bench.foundation.errors import BoardError
from bench.metrics.statistics import Floats
from bench.tasks.record import Record
from bench.tasks.results import Interval
from reports.presentations import PRESENTATIONS

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Entry

Row = Mapping[str, str]
"""A line of a board's ``table.csv``."""
TableColumn = tuple[str, Callable[[Row], str]]
"""Title of a column of a Markdown table, and its text for a row."""
Kind = Literal["percent", "decibels", "number", "count"]


@dataclass(frozen=True)
class Column:
    """One measured column of a board's page.

    low, high: keys of its interval, or empty. main: whether the board is ranked by it. less: whether less is better.
    axis: what a picture writes at its axis, with the unit; empty for the title.
    """

    key: str
    title: str
    says: str
    kind: Kind = "percent"
    low: str = ""
    high: str = ""
    main: bool = False
    less: bool = False
    axis: str = ""


@dataclass(frozen=True)
class CurvePoint:
    """One radius of a model's curve: accuracy, shift or PSNR under attack and under noise, printed in percent of 1."""

    eps: float
    text: str
    attacked: Interval
    noise: float


@dataclass(frozen=True, kw_only=True)
class Words:
    """Phrases of the site.

    ordered_by: figure that orders a board. unit: of its tables. short_unit: beside a figure in a table of several tasks,
    empty for accuracy. headline: what follows the main figure. compared: how two models are compared. share: unit of the
    comparison's figures. figure, axis: of the curve. worst, best: outcome of the gallery's images that the attack moved most
    and least. results: template of a model's table of results. sign, points: unit of the comparison's figures, and of their
    differences.
    """

    ordered_by: str
    unit: str
    headline: str
    compared: str
    share: str
    figure: str
    axis: str
    worst: str
    best: str
    results: str
    short_unit: str = ""
    sign: str = "%"
    points: str = "points"


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """The presentation of the boards of one task."""

    words: Callable[[Protocol], Words]
    """Phrases of the pages of a protocol's board."""
    attacks: Callable[[Protocol], str]
    """A sentence on the attacks of a protocol."""
    rule: Callable[[Protocol], str]
    """Sentences on what counts and on what orders the table."""
    table: Callable[[Protocol], list[TableColumn]]
    """The measured columns of a Markdown table."""
    columns: Callable[[Protocol], list[Column]]
    """The measured columns of a board's page."""
    outcomes: Callable[[Entry, Protocol], dict[str, Floats]]
    """Measure to the value of every independent sample; the measure that orders the table first."""
    independent: Callable[[Record], int]
    """Samples of a record that are independent of each other."""
    curve: Callable[[Record, Protocol], tuple[Interval, list[CurvePoint]]]
    """The figure that orders the table at radius 0, and its strongest result at every radius."""
    clean: str = "clean"
    """Key of the column without perturbation."""
    lowest_top: float = 1.0
    """The least end of the axes of pictures, for figures that are printed in percent of 1."""


@cache
def presentation_of(task: str) -> Presentation:
    """The presentation of a task. Raises ``BoardError`` if there is none."""
    if task not in PRESENTATIONS:
        raise BoardError(f"Boards of the task {task!r} cannot be shown.", f"Shown are: {', '.join(PRESENTATIONS)}.")
    module, _, attribute = PRESENTATIONS[task].partition(":")
    presentation: Presentation = getattr(import_module(module), attribute)
    return presentation


def on_every_board(words: Words) -> Callable[[Protocol], Words]:
    """The same phrases whatever the protocol."""
    return lambda protocol: words


def of_attacks(protocol: Protocol) -> str:
    """The beginning of a sentence: which attacks the protocol names."""
    *others, last = protocol.specs
    return f"The attacks are {', '.join(others)} and {last}" if others else f"The attack is {last}"


def between(value: str, low: str, high: str, scale: float, form: str) -> Callable[[Row], str]:
    """A function from a row to the text of a figure with its interval; the arguments are keys of the row."""

    def text(row: Row) -> str:
        middle, bottom, top = (f"{scale * float(row[key]):z{form}}" for key in (value, low, high))
        return f"{middle} [{bottom}, {top}]"

    return text


def single(key: str, scale: float, form: str) -> Callable[[Row], str]:
    """A function from a row to the text of a figure without an interval."""
    return lambda row: f"{scale * float(row[key]):{form}}"

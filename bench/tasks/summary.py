"""Results as text in table cells, independent of terminals, colours and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.tasks.results import Interval

Line = dict[str, str]
"""One row of a table: column to text."""


@dataclass(frozen=True)
class Summary:
    """The text that ``bench evaluate`` prints for a record.

    lines: one row per figure, one column per radius. caption: units, under the table. stages: (title, rows) of every
    attack of several stages. remarks: sentences under the verdict.
    """

    lines: list[Line]
    caption: str
    stages: list[tuple[str, list[Line]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """One model's row in a table of several.

    clean_title, clean: the figure without perturbation. attacked: (radius, attack) to (under noise, under the attack).
    """

    clean_title: str
    clean: str
    attacked: dict[tuple[str, str], tuple[str, str]]


def percent(interval: Interval) -> str:
    """An interval in percent, as ``31.2 [28.4, 34.1]``."""
    return f"{100 * interval.value:z.1f} [{100 * interval.low:z.1f}, {100 * interval.high:z.1f}]"


def decimal(interval: Interval | None, form: str = "z.3f") -> str:
    """An interval as ``0.312 [0.284, 0.341]``; ``-`` for None."""
    if interval is None:
        return "-"
    return f"{interval.value:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def duration(seconds: float) -> str:
    """Seconds as text, in seconds, minutes or hours."""
    return (
        f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    )


def turned(columns: dict[str, Line], keep: Callable[[str], bool] = lambda name: True) -> list[Line]:
    """One row per figure and one column per radius, from figures by radius. keep: selects figures by name."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    return [
        {"": name} | {f"eps {eps}": column.get(name, "") for eps, column in columns.items()} for name in names if keep(name)
    ]


def in_percent(text: str) -> str:
    """A cell of ``table.csv`` in percent with one decimal; other text is returned unchanged."""
    is_decimal = "." in text and text.replace(".", "", 1).isdecimal()
    return f"{100 * float(text):z.1f}" if is_decimal else text

"""Figures as pages write them."""

from __future__ import annotations

SIGNS = {"percent": "%", "decibels": " dB"}
"""What stands after a figure of a kind."""
WHOLE = {"decibels": 100.0}
"""The figure of a kind that pictures draw as 1, where it is not 1."""


def percent(value: float) -> str:
    """A fraction in percent with one decimal."""
    return f"{100 * value:z.1f}"


def measured(value: float | str, kind: str) -> str:
    """A figure of a column of some kind, without its sign; text stays."""
    if isinstance(value, str):
        return value
    if kind == "percent":
        return percent(value)
    return f"{value:g}" if kind == "count" else f"{value:z.2f}" if kind == "decibels" else f"{value:z.3f}"


def until(low: str, high: str) -> str:
    """An interval of two written figures: with a dash, or in words where the dash would meet a minus sign."""
    return f"{low} to {high}" if "-" in low + high else f"{low}\N{EN DASH}{high}"


def counted(number: int) -> str:
    """A count with commas between thousands."""
    return f"{number:,}"


def sign(kind: str) -> str:
    """What stands after a figure of a column of some kind."""
    return SIGNS.get(kind, "")


def drawn(value: float, kind: str) -> float:
    """A figure of a column of some kind as pictures draw it, where axes print 1 as 100."""
    return value / WHOLE.get(kind, 1.0)


def points(value: float, kind: str = "percent") -> str:
    """A difference of figures with its sign: of fractions in points, in dB as it is."""
    if kind == "decibels":
        return f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00")
    return f"{100 * value:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")

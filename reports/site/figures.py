"""Figures as pages write them."""

from __future__ import annotations


def percent(value: float) -> str:
    """A fraction in percent with one decimal."""
    return f"{100 * value:z.1f}"


def measured(value: float | str, kind: str) -> str:
    """A figure of a column of some kind; text stays."""
    if isinstance(value, str):
        return value
    return percent(value) if kind == "percent" else f"{value:g}" if kind == "count" else f"{value:z.3f}"


def points(value: float) -> str:
    """A difference of fractions in points with its sign."""
    return f"{100 * value:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")

"""The columns of a board's table."""

from __future__ import annotations

from bench.boards.protocol import Protocol
from reports.presentations.presentation import Column, presentation_of

Values = dict[str, float | str]


def columns(protocol: Protocol, values: list[Values]) -> list[Column]:
    """The columns of a board whose entries measured ``values``; columns without any value are left out."""
    candidates = presentation_of(protocol.task).columns(protocol)
    return [column for column in candidates if any(measured.get(column.key, "") != "" for measured in values)]

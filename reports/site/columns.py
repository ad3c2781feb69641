"""Which of a board's measurements its table shows."""

from __future__ import annotations

from bench.boards.protocol import Protocol
from reports.presentations.presentation import Column, presentation_of

Values = dict[str, float | str]


def columns(protocol: Protocol, values: list[Values]) -> list[Column]:
    """The columns of a board whose entries measured ``values``; those that nobody has are left out."""
    wanted = presentation_of(protocol.task).columns(protocol)
    return [column for column in wanted if any(measured.get(column.key, "") != "" for measured in values)]

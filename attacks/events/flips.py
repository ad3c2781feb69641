"""What the searches over single flips share: trying one cell after another at a point, and flipping many at once."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.oracle import Answer, Oracle
from attacks.threats.events_l0 import EventsL0

AT_ONCE = 64
"""Inputs that are made for one question: a batch of all candidates of all rows would not fit into memory."""


def at(cells: Tensor, like: Tensor) -> Tensor:
    """Mask of the shape of ``like`` ``(n, T, M)`` that holds at the flat places ``cells`` ``(n, k)``."""
    flat = torch.zeros_like(like, dtype=torch.bool).flatten(1)
    return flat.scatter(1, cells, True).view_as(like)


def tried(
    oracle: Oracle, threat: EventsL0, events: Tensor, direction: Tensor, cells: Tensor, rows: Tensor, like: Tensor
) -> Answer:
    """Value and verdict ``(n, k)`` of each row of ``events`` ``(n, T, M)`` with one of its k groups of cells changed.

    cells: ``(n, k, size)``. direction: ``(n, T, M)``. like: inputs ``(n, T, ...)``. rows: ``(n,)``, for which they stand.
    """
    values, broken = [], []
    # An input is that of its row but for a few cells: writing these alone halves what a question costs beside the network.
    here = threat.as_inputs(events, like).flatten(1)
    there = threat.as_inputs(events + direction, like).flatten(1)
    columns = max(1, AT_ONCE // max(1, len(rows)))
    for part in cells.split(columns, dim=1):
        repeats = part.shape[1]
        row = torch.arange(len(rows), device=rows.device).repeat_interleave(repeats)
        places = part.flatten(0, 1)
        inputs = here[row].scatter_(1, places, there[row[:, None], places])
        answer = oracle.query(inputs.view(-1, *like.shape[1:]), rows[row], grad=False)
        values.append(answer.value.view(-1, repeats))
        broken.append(answer.broken.view(-1, repeats))
    return Answer(torch.cat(values, 1), None, torch.cat(broken, 1))

"""Events in company: cells together with neighbours, for models that ignore an event which stands alone.

A filter of background activity keeps an event if other pixels near it had one in its frame or the one before. Where no event
is, no single event is kept, and a search over single events sees nothing: there events must come together.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = tuple(
    (frame, row, column) for frame in (0, -1) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)
)
"""Steps in frames, rows and columns to the 8 pixels around a pixel, in its frame and the one before."""


def in_company(leaders: Tensor, gains: Tensor, shape: tuple[int, ...], size: int) -> Tensor:
    """Each cell of ``leaders`` ``(n, k)`` with the ``size - 1`` of its neighbours that gain most: ``(n, k, size)``.

    gains: ``(n, T, M)``, -inf for cells that must not be chosen. shape: (T, C, H, W). Neighbours are
    :data:`NEIGHBOURS`, of either polarity. Where too few may be chosen, the leader itself is named again.
    """
    if size == 1:
        return leaders[..., None]
    around, inside = _around(leaders, shape)
    gained = gains.flatten(1).gather(1, around.flatten(1)).view(around.shape)
    gained = torch.where(inside, gained, -torch.inf)
    best, order = gained.sort(dim=2, descending=True, stable=True)
    escorts = around.gather(2, order)[..., : size - 1]
    escorts = torch.where(best[..., : size - 1] > -torch.inf, escorts, leaders[..., None])
    return torch.cat([leaders[..., None], escorts], 2)


def _around(cells: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Flat places of the neighbours of ``cells`` ``(n, k)``, and whether each lies in the recording: ``(n, k, m)`` each."""
    steps = torch.tensor([(frame, row, column) for _ in range(shape[1]) for frame, row, column in NEIGHBOURS])
    polarity = torch.arange(shape[1], device=cells.device).repeat_interleave(len(NEIGHBOURS))
    frame, _, row, column = torch.unravel_index(cells[..., None], shape)
    moved = [at + step for at, step in zip((frame, row, column), steps.to(cells.device).unbind(1), strict=True)]
    sizes = (shape[0], shape[2], shape[3])
    inside = torch.stack([(at >= 0) & (at < size) for at, size in zip(moved, sizes, strict=True)]).all(0)
    frame, row, column = (at.clamp(0, size - 1) for at, size in zip(moved, sizes, strict=True))
    places: Tensor = ((frame * shape[1] + polarity) * shape[2] + row) * shape[3] + column
    return places, inside

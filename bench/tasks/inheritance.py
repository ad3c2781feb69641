"""Points that the stages of an attack set hand down, as text in their outcomes.

A stage is computed from the outcomes of the stages before it and from nothing else, so what it starts from must be in them:
then a run that is resumed, and one with any number of workers, gives the same rows.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from attacks.inheritance import Levels, Reached
from attacks.objectives import Objective
from attacks.threats.threat import Threat
from bench.tasks.unit import StageOutcome


def written(levels: Levels) -> list[str]:
    """One text per row: the largest entry in hexadecimal, a colon, and the packed levels."""
    rows = zip(levels.largest.tolist(), levels.steps.cpu().numpy(), strict=True)
    return [f"{largest.hex()}:{base64.b64encode(zlib.compress(steps.tobytes())).decode()}" for largest, steps in rows]


def read(texts: Sequence[str], like: Tensor) -> Levels:
    """The levels that :func:`written` wrote, shaped like ``like`` ``(n, ...)``. Raises ``ValueError`` for other texts."""
    largest, steps = [], []
    for text in texts:
        size, _, packed = text.partition(":")
        try:
            steps.append(_levels(packed, like.shape[1:]))
            largest.append(float.fromhex(size))
        except (zlib.error, RuntimeError, OverflowError) as error:
            raise ValueError("this is not a point that a stage has handed down") from error
    stacked = torch.stack(steps) if steps else torch.empty(0, *like.shape[1:], dtype=torch.int8)
    return Levels(stacked.to(like.device), torch.tensor(largest, dtype=like.dtype, device=like.device))


def _levels(packed: str, shape: torch.Size) -> Tensor:
    """Never more than ``shape`` holds is unpacked."""
    content = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), shape.numel() + 1)
    return torch.tensor(np.frombuffer(content, np.int8)).view(shape)


def inherited(outcomes: Sequence[StageOutcome], x: Tensor, threat: Threat, objective: Objective | None = None) -> Reached:
    """What stages have reached on the inputs ``x`` ``(n, ...)`` of a shard.

    outcomes: in the order of the stages. objective: of all of them.
    """
    reached = Reached.nothing(x)
    for outcome in outcomes:
        given = [position for position, text in enumerate(outcome.handed_down) if text]
        if given:
            rows = torch.tensor([outcome.rows[position] for position in given], device=x.device)
            headway = outcome.headway(objective)
            margin = torch.tensor([headway[position] for position in given], dtype=torch.float64, device=x.device)
            levels = read([outcome.handed_down[position] for position in given], x[rows])
            reached.take(levels, margin, rows, x, threat)
    return reached


def handed_down(
    outcome: StageOutcome,
    images: Tensor,
    x: Tensor,
    reached: Reached,
    standing: Collection[int],
    objective: Objective | None = None,
) -> list[str]:
    """Per row of an outcome the text of its point, empty where the point is no better than what was ``reached`` before.

    images: of the outcome, ``(m, ...)``. x: clean inputs of the whole shard. standing: rows that later stages attack;
    no other has a text, nor has a row whose image left ball or box. objective: of the stage.
    """
    headway = outcome.headway(objective)
    if not headway:
        return []
    rows = torch.tensor(outcome.rows, dtype=torch.int64, device=x.device)
    margin = torch.tensor(headway, dtype=torch.float64, device=x.device)
    wanted = [row in standing and status == "ok" for row, status in zip(outcome.rows, outcome.status, strict=True)]
    usable = torch.tensor(wanted, dtype=torch.bool, device=x.device)
    chosen = (reached.better(margin, rows) & usable).nonzero()[:, 0]
    texts = [""] * len(rows)
    for position, text in zip(chosen.tolist(), written(Levels.of(images[chosen], x[rows[chosen]])), strict=True):
        texts[position] = text
    return texts

"""A submission's model that says how many images it has answered, so that a long check shows how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.evaluation.request.settings import Tick, Ticked
from bench.models.scorer import BATCH

if TYPE_CHECKING:
    from bench.models.subject import Subject
    from bench.tasks.submission import Probe


@dataclass
class Watched:
    """``model``, asked batch by batch. total: images that all checks ask about, repetitions included."""

    model: Probe
    total: int
    on_tick: Ticked
    done: int = 0

    def __post_init__(self) -> None:
        self._tell()  # the model is loaded, which took time of another kind

    def looked_at(self, images: Tensor) -> Subject:
        """As the model's."""
        return self.model.looked_at(images)

    def logits(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        """As the model's."""
        return self._in_parts(lambda part: self.model.logits(part, batch=batch), images)

    def scores(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        """As the model's."""
        return self._in_parts(lambda part: self.model.scores(part, batch=batch), images)

    def silent_share(self, images: Tensor) -> float:
        """As the model's."""
        return self.model.silent_share(images)

    def _in_parts(self, ask: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """The answers ``(n, ...)``: in parts of a batch they are those that all images together get."""
        answers = []
        for part in images.split(BATCH):
            answers.append(ask(part))
            self.done += len(part)
            self._tell()
        return torch.cat(answers)

    def _tell(self) -> None:
        self.on_tick(Tick(self.done, max(self.total, self.done), "images answered", reused=False))

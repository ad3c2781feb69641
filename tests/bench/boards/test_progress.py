"""How far ``bench board verify`` and ``bench submit check`` are: every part is told once, and the last one is the total."""

from __future__ import annotations

from pathlib import Path

import torch
from support.submissions import zoo_built
from torch import Tensor

from bench.boards.store import Board
from bench.boards.submission.checking import check
from bench.boards.submission.watched import Watched
from bench.boards.verify import verify
from bench.evaluation.request.settings import Tick


def test_verify_tells_each_entry(filled: Board) -> None:
    ticks: list[Tick] = []
    assert verify(filled, on_tick=ticks.append) == []
    assert [(tick.done, tick.total) for tick in ticks] == [(1, 3), (2, 3), (3, 3)]
    assert [tick.label for tick in ticks] == [f"{filled}/{name}" for name in filled.names()]


def test_check_tells_all_images_that_it_asks_about(tmp_path: Path) -> None:
    ticks: list[Tick] = []
    assert check(zoo_built(tmp_path / "mine"), n=3, on_tick=ticks.append).passed
    done = [tick.done for tick in ticks]
    assert done == sorted(set(done)) and (done[0], done[-1]) == (0, ticks[-1].total)


def test_answers_in_parts_are_those_to_all_images() -> None:
    class Sums:
        def logits(self, images: Tensor, *, batch: int = 50) -> Tensor:
            return images.flatten(1)[:, :2] * batch

    ticks: list[Tick] = []
    images = torch.rand(120, 3, 2, 2)
    model = Watched(Sums(), 240, ticks.append)  # type: ignore[arg-type]
    assert torch.equal(model.logits(images), Sums().logits(images))
    assert [tick.done for tick in ticks] == [0, 50, 100, 120]

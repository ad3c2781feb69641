"""A task is one object: a third one, registered from one file of somebody else, is evaluated, kept and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.evaluation.request.identity import folder_name
from bench.foundation.errors import BoardError, SpecError
from bench.tasks.lookup import board_rules, task_for
from bench.tasks.registry import task_registry


class Level(nn.Module):
    """Predicts 3 times the mean of an image."""

    task = "regression"

    def forward(self, x: Tensor) -> Tensor:
        return 3 * x.flatten(1).mean(1)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(task_registry._catalogue, "regression", "support.regression:TASK")


IMAGES, NUMBERS = torch.full((8, 1, 4, 4), 0.5), torch.linspace(0, 1, 8)


def test_it_is_evaluated_like_any_other(tmp_path: Path) -> None:
    record = bench.evaluate(Level(), attack=["pgd", "fgsm"], eps="0.1", data=(IMAGES, NUMBERS), out=tmp_path, save_adv=True)
    assert record.task == "regression" and record.reliability.status == "upper_bound"
    assert [result.growth.value for result in record.results] == pytest.approx([0.3, 0.3], rel=1e-5)
    again = bench.read_record(tmp_path / folder_name(record.model.ref, record.identity))
    assert again.results == record.results and again.rows.equals(record.rows)


def test_what_a_model_says_of_itself_decides_where_labels_fit_two_tasks() -> None:
    scored = bench.evaluate(nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0)), eps="0.1", data=_rated())
    assert scored.task == "quality"


def _rated() -> object:
    from bench.data.base import Samples

    return Samples.of(IMAGES + 0.01 * torch.arange(8).view(8, 1, 1, 1), NUMBERS, scores=True)


def test_labels_that_do_not_fit_are_refused_and_it_has_no_boards() -> None:
    with pytest.raises(SpecError, match="answers numbers"):
        task_for("regression", "a model", _classes())  # type: ignore[arg-type]
    with pytest.raises(BoardError, match="no boards"):
        board_rules("regression")


def _classes() -> object:
    from bench.data.base import Samples

    return Samples.of(IMAGES, torch.zeros(8, dtype=torch.int64))

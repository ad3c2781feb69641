"""The table of ResNet-20: its models alone, with what their own board says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.studies.measures.attacked import FAMILY_BOARD, Attacked
from bench.studies.measures.sheet import blank
from bench.tasks.results import Interval
from reports import family
from reports.family import family_table


def interval(value: float, n: int) -> Interval:
    return Interval(value=value, low=max(value - 0.1, 0), high=min(value + 0.1, 1), n=n)


def test_the_table_has_the_family_alone_with_figures_of_its_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[str] = []

    def results(root: Path, board: str) -> dict[str, list[Attacked]]:
        boards.append(board)
        return {"snn_at_resnet20": [Attacked("standard", "2/255", interval(0.7, 100), interval(0.31, 100), "reliable")]}

    monkeypatch.setattr(family, "attacked", results)
    sheets = [
        blank(name).model_copy(update={"clean": interval(0.812, 10_000)})
        for name in ("snn_at", "snn_at_resnet20", "snn_qcfs", "snn_vanilla_resnet20")
    ]
    lines = family_table(sheets, tmp_path, ["2/255", "8/255"]).splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == ["zoo:snn_at_resnet20", "zoo:snn_vanilla_resnet20"]
    assert "| 81.2 | 70.0 | 31.0 [21.0, 41.0] | - |" in lines[2] and boards == [FAMILY_BOARD]


def test_without_measures_it_is_a_sentence(tmp_path: Path) -> None:
    assert family_table([blank("snn_at")], tmp_path, ["2/255"]) == "No model of the family is measured yet."

"""Ranks: what the samples cannot tell apart, and what a longer attack may turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from support import leaderboard

from bench.boards import ranking, render
from bench.boards.naming import EntryName
from bench.boards.ranking import Rank, ranks
from bench.tasks.classification.board import RULES, reach
from bench.tasks.classification.task import TASK


@dataclass(frozen=True)
class Named:
    """An entry, as far as ranks look at one: standing of 200 samples, and how many of them a longer attack may break."""

    model: str
    standing: int
    further: int = 0

    @property
    def name(self) -> EntryName:
        return EntryName(self.model, 1)

    @property
    def record(self) -> Any:
        return SimpleNamespace(reliability=SimpleNamespace(status="reliable_with_remarks"))


def ranked(monkeypatch: pytest.MonkeyPatch, *entries: Named) -> dict[str, Rank]:
    rules = replace(
        RULES,
        ranked_by=lambda entry, protocol: np.arange(200) < cast(Named, entry).standing,
        reach=lambda entry, protocol: cast(Named, entry).further / 200,
    )
    monkeypatch.setattr(ranking, "board_rules", lambda task: rules)
    return {str(name.model): rank for name, rank in ranks(list(cast(Any, entries)), SimpleNamespace(task="")).items()}


def test_without_a_reach_the_means_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ranked(monkeypatch, Named("a", 100), Named("b", 80), Named("c", 79))
    assert found == {"a": Rank(1, 1, 1), "b": Rank(2, 2, 3), "c": Rank(3, 2, 3)}


def test_what_a_longer_attack_may_turn_is_tied(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ranked(monkeypatch, Named("a", 100, further=20), Named("b", 80, further=1), Named("c", 60))
    assert found == {"a": Rank(1, 1, 2), "b": Rank(1, 1, 2), "c": Rank(3, 3, 3)}


def test_older_records_keep_their_ranks() -> None:
    older = SimpleNamespace(record=SimpleNamespace(evaluator_version=TASK.evaluator_version - 1))
    assert reach(cast(Any, older), cast(Any, None)) == 0


def test_of_a_shared_rank_the_best_measured_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    board = leaderboard.board(tmp_path)
    monkeypatch.setattr(render, "ranks", lambda entries, protocol: {entry.name: Rank(1, 1, 6) for entry in entries})
    rows = render.table_rows(board.entries(), board.protocol())
    figures = [float(row["robust@8/255"]) for row in rows]
    assert len(set(figures)) > 2
    assert figures == sorted(figures, reverse=True)

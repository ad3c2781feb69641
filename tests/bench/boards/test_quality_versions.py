"""The released board of scores stands as it was measured, and the draft of the next version can be frozen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.boards.protocol import Draft, freeze
from bench.boards.store import open_board
from bench.boards.verify import verify

LEADERBOARDS = Path(__file__).parents[3] / "leaderboards"


@pytest.mark.slow
def test_the_released_version_verifies_with_what_it_was_ranked_by() -> None:
    board = open_board("iqa-photos-linf/v1", LEADERBOARDS)
    assert board.protocol().figure == ""
    assert all(entry.record.shifts[0].clipped is None for entry in board.entries())
    assert verify(board) == []


@pytest.mark.slow
def test_the_second_version_is_ranked_by_clipped_shifts() -> None:
    board = open_board("iqa-photos-linf/v2", LEADERBOARDS)
    assert (board.protocol().figure, board.protocol().eps) == ("clipped", ["1/255", "2/255"])
    assert all(shift.clipped is not None for entry in board.entries() for shift in entry.record.shifts)
    assert verify(board) == []


def test_the_draft_resolves() -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load((LEADERBOARDS / "drafts/iqa-photos-linf.yaml").read_text())))
    assert (protocol.version, protocol.figure, protocol.rank_by, protocol.evaluator_version) == (2, "clipped", "1/255", 3)
    (attack,) = protocol.attacks
    names = [stage.name for stage in attack.smooth]
    assert names[:2] == ["APGD-400, up", "APGD-400, down"] and len(names) == len(set(names))
    assert "WarmAPGD" in attack.smooth[-1].attack

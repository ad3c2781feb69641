"""Boards of models that score: what may enter, how it is ordered, and that no change goes unnoticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from support.boards import card
from support.submissions import small_board
from torch import Tensor, nn

from bench.boards.challenge import read_images, score
from bench.boards.entering import add_challenge, enter
from bench.boards.ranking import Rank, ranks
from bench.boards.rescoring import rescore
from bench.boards.running import folder_of, measure
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.data import load_samples
from bench.foundation.errors import BoardError
from bench.models.opening import open_subject
from bench.models.subject import Subject
from bench.tasks.moving import by_group
from bench.tasks.quality.board import best_known, moved, problems, ranked_by
from bench.tasks.quality.results import SATURATING
from bench.tasks.record import Record
from reports.site.gallery import draw_gallery

N, PHOTOGRAPHS = 20, 13


class Score(nn.Module):
    """The mean of the left half of an image, times ``slope``: an attack of eps moves it by slope * eps at most."""

    task = "quality"

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.slope * x[..., : x.shape[-1] // 2].mean((1, 2, 3))
        return score


def subject(slope: float) -> Subject:
    return open_subject(Score(slope))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Two models, one of which is moved twice as far."""
    root = tmp_path_factory.mktemp("quality")
    board = small_board(
        root, n=N, board="small-scores", task="quality", data={"name": "photos", "n": N}, attacks=["pgd:steps=3", "fgsm"]
    )
    for name, slope in (("steady", 0.5), ("shaky", 1.0)):
        enter(board, measure(board, subject(slope), out=None), card(name))
    return board


@pytest.fixture
def board(filled: Board, tmp_path: Path) -> Board:
    shutil.copytree(filled.folder, tmp_path / filled.name / "v1")
    return Board(filled.name, 1, tmp_path / filled.name / "v1")


def test_the_one_that_is_moved_less_is_first(filled: Board) -> None:
    assert verify(filled) == []
    order = {name.model: rank for name, rank in ranks(filled.entries(), filled.protocol()).items()}
    assert (order["steady"].rank, order["shaky"].rank) == (1, 2)
    table = pd.read_csv(filled.folder / "table.csv")
    assert table["model"].tolist() == ["steady", "shaky"]
    # The closed form, where no pixel is at the end of its range: all of it moves by eps.
    assert table.loc[1, "shift@2/255"] == pytest.approx(2.0 / 255, rel=0.1)
    assert table.loc[1, "shift@2/255"] == pytest.approx(2 * table.loc[0, "shift@2/255"], rel=0.01)


def test_old_protocols_and_records_say_nothing_of_clipped_scores(filled: Board) -> None:
    """A board without a choice of figure is ranked, and laid out, as it always was."""
    assert filled.protocol().figure == ""
    header = (filled.folder / "table.csv").read_text().splitlines()[0]
    assert "shift@8/255" in header and not any(f"{name}@" in header for name in (*SATURATING, "srcc_between"))
    entry = filled.entries()[0]
    old = [result.model_copy(update=dict.fromkeys(SATURATING)) for result in entry.record.results]
    record = entry.record.model_copy(update={"results": old}).with_rows(entry.record.rows)
    assert any("does not follow" in problem for problem in problems(record, filled.protocol()))
    before = record.model_copy(update={"evaluator_version": 2}).with_rows(record.rows)
    assert list(problems(before, filled.protocol())) == []


class BeyondScale(Score):
    """A score four times as steep, beyond the upper end of its range for every image: on its scale it never moves."""

    def forward(self, x: Tensor) -> Tensor:
        return 5 + 4 * super().forward(x)


@pytest.mark.slow
def test_a_board_may_be_ranked_by_clipped_scores(tmp_path: Path) -> None:
    """Scores beyond the end of their range count as the end, however far they move there."""
    orders = {}
    for figure in ("shift", "clipped"):
        board = small_board(
            tmp_path,
            n=N,
            board=f"by-{figure}",
            task="quality",
            data={"name": "photos", "n": N},
            attacks=["pgd:steps=3"],
            figure=figure,
        )
        for name, model in (("beyond", BeyondScale(1.0)), ("shaky", Score(1.0))):
            enter(board, measure(board, open_subject(model), out=None), card(name))
        assert verify(board) == []
        orders[figure] = [name.model for name, rank in sorted(ranks(board.entries(), board.protocol()).items(), key=rank_of)]
    table = pd.read_csv(board.folder / "table.csv")
    assert orders == {"shift": ["shaky", "beyond"], "clipped": ["beyond", "shaky"]}
    # Both are rounded to six digits in the table, and the scores of the other model never leave their range.
    assert table["clipped@8/255"].tolist() == [0, pytest.approx(table["shift@8/255"][1], abs=2e-6)]
    assert table["across_half@8/255"].tolist() == table["across_range@8/255"].tolist() == [0, 0]


def rank_of(item: tuple[object, Rank]) -> int:
    return item[1].rank


def test_a_board_cannot_be_ranked_by_a_figure_that_nobody_knows(tmp_path: Path) -> None:
    asked = {"board": "by-luck", "task": "quality", "data": {"name": "photos", "n": 2}, "figure": "luck"}
    with pytest.raises(BoardError, match="cannot be ordered by figure luck"):
        small_board(tmp_path, n=2, **asked)


def test_photographs_not_their_versions_are_compared(filled: Board) -> None:
    entry = filled.entries()[0]
    values = ranked_by(entry, filled.protocol())
    assert len(values) == PHOTOGRAPHS < N
    assert values.mean() == pytest.approx(-moved(entry.record, "8/255")["shift"].mean())
    found = pd.DataFrame({"group": [0, 0, 0, 1], "shift": [1.0, 2.0, 3.0, 6.0]})
    assert by_group(found, "shift").tolist() == [3.0, 3.0]  # three samples of mean 2, one of 6: mean 3


def with_rows(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Record], Record]:
    return lambda record: record.model_copy().with_rows(change(record.rows.copy()))


def one_failed(rows: pd.DataFrame) -> pd.DataFrame:
    rows.loc[0, "status"] = "attack_error"
    return rows


BAD: dict[str, Callable[[Record], Record]] = {
    "its task": lambda record: record.model_copy(update={"task": "classification"}).with_rows(record.rows),
    "rows of 20": with_rows(lambda rows: rows.iloc[:-1]),
    "undecided": with_rows(one_failed),
    "larger of both ways": with_rows(lambda rows: rows.assign(shift=rows["shift"] / 2)),
    "outside of the ball": with_rows(lambda rows: rows.assign(norm_value=0.5)),
    "several labels": with_rows(lambda rows: rows.assign(label=np.arange(len(rows), dtype=float))),
    "clean score and shift": with_rows(lambda rows: rows.assign(score_up=rows["score_up"] + 1)),
    "farther once": with_rows(lambda rows: rows.assign(noise_k=rows["clean"])),
    "does not follow": with_rows(
        lambda rows: rows.assign(
            **{name: rows[name] / 2 for name in ("shift", "shift_up", "shift_down")},
            score_up=rows["clean"] + rows["shift_up"] / 2,
            score_down=rows["clean"] + rows["shift_down"] / 2,
        )
    ),
    "attacks and radii": lambda record: record.model_copy(update={"results": record.results[:-1]}).with_rows(record.rows),
    "no score range": lambda record: record.model_copy(
        update={"model": record.model.model_copy(update={"score_range": None})}
    ).with_rows(record.rows),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_may_not_enter(board: Board, reason: str) -> None:
    before = board.names()
    with pytest.raises(BoardError, match=reason):
        enter(board, BAD[reason](board.entries()[0].record), card("bad"))
    assert board.names() == before


def test_images_of_others_count_where_they_move_a_score_farther(board: Board, tmp_path: Path) -> None:
    protocol = board.protocol()
    samples = load_samples("photos", n=N)
    entry = next(one for one in board.entries() if one.name.model == "shaky")
    images = (samples.images[:2] + torch.tensor(8 / 255)).clamp(0, 1)
    images[1] = 1.0  # outside of the ball: no claim
    save_file({"images": images, "samples": samples.ids[:2].clone()}, tmp_path / "adv.safetensors")
    given = read_images(tmp_path / "adv.safetensors", samples)
    before = best_known(entry, "8/255")
    found = score(subject(1.0), samples, given, entry, protocol, eps="8/255", who="A", how="by hand")
    assert [row.status for row in found.rows] == ["ok", "out_of_ball"]
    after = best_known(add_challenge(board, entry.name, found), "8/255")
    assert (after >= before).all()
    assert after[1:].tolist() == before[1:].tolist()
    assert verify(board) == []
    assert "best_known_external@8/255" in (board.folder / "table.csv").read_text()


def test_its_gallery_shows_scores_below_zero(board: Board, tmp_path: Path) -> None:
    low = subject(-1.0)
    entry = enter(board, measure(board, low, out=tmp_path / "records"), card("low"))
    found = draw_gallery(board, entry, folder_of(entry.record, tmp_path / "records"))
    assert found is not None
    assert all(one.before.startswith("-") for one in found.images)
    assert verify(board) == []


def test_it_can_be_scored_again(filled: Board) -> None:
    entry = next(one for one in filled.entries() if one.name.model == "shaky")
    found = rescore(filled, entry, subject(1.0), load_samples("photos", n=N), n=5)
    assert found.holds
    assert found.rows == found.same_clean == found.same_verdict == found.same_images == 5 * 2 * 2

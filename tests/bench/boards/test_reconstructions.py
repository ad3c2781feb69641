"""Boards of models that reconstruct: what may enter, how it is ordered, and that no change goes unnoticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from support.boards import card
from support.pictures import Dimmed
from support.submissions import small_board

from bench.boards.challenge import read_images, score
from bench.boards.entering import add_challenge, enter
from bench.boards.filling import waiting
from bench.boards.ranking import ranks
from bench.boards.rescoring import rescore
from bench.boards.running import folder_of, measure
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.board import board as command
from bench.data import load_samples
from bench.foundation.errors import BoardError
from bench.models.opening import open_subject
from bench.models.subject import Subject
from bench.tasks.reconstruction.board import best_known
from bench.tasks.record import Record
from reports.board_tables import board_table
from reports.site.gallery import draw_gallery
from zoo.card import card as card_of_zoo
from zoo.card import names

N, EPS = 6, 8 / 255


def subject(share: float) -> Subject:
    return open_subject(Dimmed(share))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Two models, one of which misses a tenth of the light and the other one half of it."""
    root = tmp_path_factory.mktemp("pictures")
    board = small_board(root, n=N, board="small-pictures", task="reconstruction", attacks=["pgd:steps=3", "fgsm"])
    for name, share in (("faint", 0.5), ("bright", 0.9)):
        enter(board, measure(board, subject(share), out=None), card(name))
    return board


@pytest.fixture
def board(filled: Board, tmp_path: Path) -> Board:
    shutil.copytree(filled.folder, tmp_path / filled.name / "v1")
    return Board(filled.name, 1, tmp_path / filled.name / "v1")


def test_it_is_ranked_by_the_psnr_under_attack_and_not_by_the_drop(filled: Board) -> None:
    assert verify(filled) == []
    order = {name.model: rank for name, rank in ranks(filled.entries(), filled.protocol()).items()}
    assert (order["bright"].rank, order["faint"].rank) == (1, 2)
    table = pd.read_csv(filled.folder / "table.csv").set_index("model")
    scenes = load_samples("cifar10", n=N).images.double()
    for name, share in (("bright", 0.9), ("faint", 0.5)):
        # The closed form: the scene that is missed most is the brightest one of the ball.
        brightest = (scenes + EPS).clamp(max=1)
        worst, clean = (-10 * np.log10((1 - share) ** 2 * x.square().flatten(1).mean(1)) for x in (brightest, scenes))
        assert table.loc[name, "attacked@8/255"] == pytest.approx(float(worst.mean()), abs=1e-3)
        assert table.loc[name, "psnr"] == pytest.approx(float(clean.mean()), abs=1e-3)
        assert table.loc[name, "drop@8/255"] == pytest.approx(float((clean - worst).mean()), abs=1e-3)
    assert table.loc["bright", "drop@8/255"] == pytest.approx(table.loc["faint", "drop@8/255"], abs=1e-3)


def with_rows(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Record], Record]:
    return lambda record: record.model_copy().with_rows(change(record.rows.copy()))


def one_failed(rows: pd.DataFrame) -> pd.DataFrame:
    rows.loc[0, "status"] = "attack_error"
    return rows


def better(rows: pd.DataFrame) -> pd.DataFrame:
    """Every picture better by 1 dB under attack, by all that depends on it."""
    return rows.assign(psnr=rows["psnr"] + 1, drop=rows["drop"] - 1, error=rows["error"] * 10**-0.1)


BAD: dict[str, Callable[[Record], Record]] = {
    "its task": lambda record: record.model_copy(update={"task": "classification"}).with_rows(record.rows),
    "rows of 6": with_rows(lambda rows: rows.iloc[:-1]),
    "undecided": with_rows(one_failed),
    "up to 100 dB": with_rows(lambda rows: rows.assign(noise_k=float("nan"))),
    "SSIMs outside": with_rows(lambda rows: rows.assign(ssim=2.0)),
    "not clean PSNR and attacked": with_rows(lambda rows: rows.assign(psnr=rows["psnr"] + 1)),
    "not those of their errors": with_rows(lambda rows: better(rows).assign(error=rows["error"])),
    "farther once": with_rows(lambda rows: rows.assign(noise_k=rows["noise_1"] + 1)),
    "outside of the ball": with_rows(lambda rows: rows.assign(norm_value=0.5)),
    "several groups": with_rows(lambda rows: rows.assign(group=np.arange(len(rows)))),
    "does not follow": with_rows(better),
    "attacks and radii": lambda record: record.model_copy(update={"results": record.results[:-1]}).with_rows(record.rows),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_may_not_enter(board: Board, reason: str) -> None:
    before = board.names()
    with pytest.raises(BoardError, match=reason):
        enter(board, BAD[reason](board.entries()[0].record), card("bad"))
    assert board.names() == before


def test_scenes_of_others_count_where_their_pictures_are_worse(board: Board, tmp_path: Path) -> None:
    protocol, samples = board.protocol(), load_samples("cifar10", n=N)
    entry = next(one for one in board.entries() if one.name.model == "faint")
    # A darker scene is shown better, a brighter one worse, and the third lies outside of the ball.
    scenes = (samples.images[:3] - torch.tensor([EPS, -EPS, 0.5]).view(3, 1, 1, 1)).clamp(0, 1)
    save_file({"images": scenes, "samples": samples.ids[:3].clone()}, tmp_path / "adv.safetensors")
    given = read_images(tmp_path / "adv.safetensors", samples)
    scored = score(subject(0.5), samples, given, entry, protocol, eps="8/255", who="A", how="by hand")
    assert [row.status for row in scored.rows] == ["ok", "ok", "out_of_ball"]
    expected = [-10 * np.log10(0.25 * float(scene.double().square().mean())) for scene in scenes[:2]]
    assert [row.psnr for row in scored.rows[:2]] == pytest.approx(expected, abs=1e-3)
    before = best_known(entry, "8/255")
    after = best_known(add_challenge(board, entry.name, scored), "8/255")
    assert (after <= before).all() and after[0] == before[0] and after[2:].tolist() == before[2:].tolist()
    assert after[1] == min(before[1], scored.rows[1].psnr or 0.0)
    assert verify(board) == []


def test_what_commands_and_documents_print_is_in_decibels(filled: Board) -> None:
    shown = CliRunner().invoke(command, ["show", "small-pictures", "--boards", str(filled.folder.parents[1])])
    table = pd.read_csv(filled.folder / "table.csv").set_index("model")
    attacked = f"{table.loc['bright', 'attacked@8/255']:.2f}"
    assert attacked in shown.output and "PSNR in dB, ranked by attack 8/255" in shown.output
    compared = CliRunner().invoke(
        command, ["diff", "small-pictures", "small-pictures", "--boards", str(filled.folder.parents[1])]
    )
    assert f"{table.loc['bright', 'attacked@8/255']:.1f}" in compared.output
    lines = board_table(filled).splitlines()
    assert lines[0].startswith("| rank | model |") and "drop 8/255" in lines[0]
    assert "bright" in lines[2] and attacked in lines[2] and "defense" not in lines[0]


def test_it_can_be_scored_again_and_has_a_gallery(board: Board, tmp_path: Path) -> None:
    entry = enter(board, measure(board, subject(0.7), out=tmp_path / "records"), card("middle"))
    again = rescore(board, entry, subject(0.7), load_samples("cifar10", n=N), n=3)
    assert again.holds and again.rows == again.same_clean == again.same_verdict == again.same_images == 3 * 2 * 2
    drawn = draw_gallery(board, entry, folder_of(entry.record, tmp_path / "records"))
    assert drawn is not None and all(image.before.endswith(" dB") for image in drawn.images)
    assert verify(board) == []


def test_it_is_filled_with_cameras_that_have_nothing_to_train(tmp_path: Path) -> None:
    fields = {"task": "reconstruction", "attacks": ["pgd:steps=3"]}
    behind = small_board(tmp_path, n=1, board="behind", behind_cameras=True, **fields)
    cameras = [name for name in names() if card_of_zoo(name).task == "reconstruction"]
    assert waiting(behind) == cameras and len(cameras) >= 3
    assert waiting(small_board(tmp_path, n=1, board="others", **fields)) == []

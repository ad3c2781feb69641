"""All the way: images, a recording of each on disk, its planes, a picture of them, a decision, flipped bits, and a board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from support.boards import card
from support.submissions import small_board
from torch import Tensor, nn

from bench.boards.entering import enter
from bench.boards.running import measure
from bench.boards.store import Board
from bench.boards.verify import verify
from bench.cli.data import data
from bench.data import load_samples
from bench.models.opening import open_subject
from zoo.cameras.reconstruction import TFP

TICKS, SIDE, EACH = 16, 8, 3
NAMES = ("left", "right")
BUDGETS = (10, 70)
"""Bits: fewer than any decision needs, and as many as some need."""


class Side(nn.Module):
    """Decides on the TFP picture of planes ``(N, T, 1, H, W)`` which half of a scene is brighter."""

    def __init__(self) -> None:
        super().__init__()
        self.reconstruction = TFP()
        weights = torch.cat([torch.ones(SIDE // 2), -torch.ones(SIDE // 2)]).repeat(SIDE, 1)
        self.weights = nn.Parameter(torch.stack([weights, -weights]))

    def forward(self, planes: Tensor) -> Tensor:
        """Logits ``(N, 2)``."""
        pictures = self.reconstruction(planes.float().transpose(0, 1))
        return torch.einsum("nhw,khw->nk", pictures[:, 0], self.weights)


@pytest.fixture
def recordings(tmp_path: Path) -> str:
    """``spikecam:PATH`` of scenes that are brighter on one side: a little in the first of a class, much in its last."""
    for number in range(EACH):
        scene = np.full((SIDE, SIDE), 128, np.uint8)
        scene[:, : SIDE // 2] += 20 * (1 + 2 * number)
        for name, pixels in zip(NAMES, (scene, scene[:, ::-1]), strict=True):
            image = tmp_path / f"{name}{number}.png"
            Image.fromarray(np.ascontiguousarray(pixels)).save(image)
            folder = tmp_path / "recordings" / name
            folder.mkdir(parents=True, exist_ok=True)
            words = ["spikecam", "simulate", image, "--out", folder / f"{number}.dat", "--ticks", 4 * TICKS, "--gain", 0.9]
            CliRunner().invoke(data, list(map(str, words)), standalone_mode=False, catch_exceptions=False)
    return f"spikecam:{tmp_path / 'recordings'},T={TICKS}"


def test_from_files_to_a_board(recordings: str, tmp_path: Path) -> None:
    board: Board = small_board(
        tmp_path / "boards",
        n=2 * EACH,
        board="small-stream",
        data={"name": recordings, "n": 2 * EACH},
        norm="spike_flips",
        eps=[str(budget) for budget in BUDGETS],
        rank_by=str(BUDGETS[-1]),
        attacks=["topk"],
    )
    enter(board, measure(board, open_subject(Side()), out=None), card("side"))
    assert verify(board) == []
    table = pd.read_csv(board.folder / "table.csv").iloc[0]
    assert table["clean"] == table["noise@10"] == 1
    (entry,) = board.entries()
    rows = entry.record.rows
    assert (rows["norm_value"] <= rows["eps"]).all() and (rows["status"] == "ok").all()
    # The picture is a mean over the ticks but the first: a flipped bit moves the halves by one spike against each other.
    spikes = load_samples(recordings).images[:, 1:].float().sum((1, 2, 3))
    lead = (spikes[:, : SIDE // 2].sum(1) - spikes[:, SIDE // 2 :].sum(1)).abs()
    assert lead.min() < BUDGETS[-1] < lead.max()
    for budget in BUDGETS:
        at = rows[rows["eps"] == budget].sort_values("sample")
        assert at["robust"].tolist() == (lead > budget).float().tolist()

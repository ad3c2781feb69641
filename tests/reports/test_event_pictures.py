"""Event frames as pictures: every event where it was, in its colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import bench
from reports.event_pictures import GAP, GREY, montage
from reports.picks import choose
from zoo.architectures.event_network import EventNetwork


def test_every_event_is_where_it_was_in_its_colour() -> None:
    frames = np.zeros((5, 2, 4, 6), np.float32)
    frames[0, 0, 1, 2] = frames[3, 1, 0, 5] = 1  # darker, brighter
    frames[4, :, 3, 0] = 1  # both
    picture = montage(frames)
    assert picture.shape == (3 * 4 + 2 * GAP, 2 * 6 + GAP, 3)
    assert picture[1, 2].tolist() == [0, 0, 1]
    assert picture[4 + GAP, 6 + GAP + 5].tolist() == [1, 0, 0]
    assert picture[2 * (4 + GAP) + 3, 0].tolist() == [0, 0, 0]
    assert picture[0, 0].tolist() == [1, 1, 1] and picture[4, 0].tolist() == pytest.approx([GREY] * 3)
    assert int((picture == 1).all(2).sum()) == 5 * 24 - 3


def test_counts_are_scaled_to_the_fullest_cell() -> None:
    frames = np.zeros((1, 2, 2, 2), np.float32)
    frames[0, 1] = np.array([[2, 1], [0, 0]]) / 255
    assert montage(frames)[0].tolist() == [pytest.approx([1, 0, 0]), pytest.approx([1, 0.5, 0.5])]
    assert montage(np.zeros((1, 2, 2, 2), np.float32)).min() == 1


@pytest.mark.slow
def test_a_gallery_shows_event_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = EventNetwork(neuron=None, side=34, widths=(2, 2, 2)).eval().requires_grad_(False)
    record = bench.evaluate(
        model, data="nmnist_sim", n=12, attack="topk", norm="events_l0", eps="5%", out=tmp_path, save_adv=True
    )
    (folder,) = (path for path in tmp_path.iterdir() if (path / "record.json").exists())
    picks = choose(record, folder)
    assert picks and all(pick.clean.shape == pick.adversarial.shape == (3 * 36 - 2, 4 * 36 - 2, 3) for pick in picks)
    assert any(bool((pick.clean != pick.adversarial).any()) for pick in picks)

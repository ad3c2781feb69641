"""The gate counts what a network decides right of the recordings as it knows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from bench.data.nmnist_sim import shipped_recordings
from bench.foundation.errors import DataError
from reports.simulated_gate import WHERE, real, rows, simulated


class SaysZero(nn.Module):
    """Decides for the digit 0, and keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.shapes.append(tuple(x.shape))
        return nn.functional.one_hot(torch.zeros(len(x), dtype=torch.int64), 10).float()


@pytest.mark.slow
def test_the_figure_is_a_count_over_recordings_of_steps_of_a_millisecond() -> None:
    network = SaysZero()
    (row,) = rows(network, n=25, known=None, digest="0" * 64)
    _, labels = shipped_recordings()
    assert (row["n"], row["right"]) == (25, int((labels[:25] == 0).sum()))
    assert network.shapes == [(20, 300, 2, 34, 34), (5, 300, 2, 34, 34)]


@pytest.mark.slow
def test_every_event_is_in_its_millisecond() -> None:
    recordings, labels = shipped_recordings()
    frames, _ = next(simulated(recordings.take(0, 3), torch.from_numpy(labels[:3])))
    assert np.array_equal(frames.sum((2, 3, 4)).numpy(), recordings.counts[:3])
    assert set(frames.unique().tolist()) == {0.0, 1.0}


def test_real_recordings_are_one_of_each_digit(tmp_path: Path) -> None:
    events = np.zeros((300, 10, 2, 34, 34), np.int16)
    events[7, 3, 1, 5, 6] = 2
    np.savez_compressed(tmp_path / "real.npz", events=events)
    frames, labels = real(tmp_path / "real.npz")
    assert frames[3, 7, 1, 5, 6] == 2 and float(frames.sum()) == 2 and labels.tolist() == list(range(10))
    np.savez_compressed(tmp_path / "few.npz", events=events[:, :4])
    with pytest.raises(DataError, match="instead of ten recordings"):
        real(tmp_path / "few.npz")
    with pytest.raises(DataError, match="cannot be read"):
        real(tmp_path / "none.npz")


def test_the_figure_that_is_kept_is_of_a_thousand_recordings() -> None:
    table = pd.read_csv(Path(__file__).parents[2] / WHERE)
    kept = table.set_index("recordings").loc["simulated (nmnist_sim, test)"]
    assert int(kept["n"]) >= 1000
    assert float(kept["accuracy"]) == pytest.approx(int(kept["right"]) / int(kept["n"]), abs=1e-4)

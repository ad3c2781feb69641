"""The script that trained the networks still runs, and writes what the gallery reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from strangers import training, weights
from strangers.twins import KINDS


def test_training_writes_the_tensors_of_the_gallery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two kinds, for one epoch."""
    kept = load_file(weights.FILE)
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "KINDS", {kind: KINDS[kind] for kind in ("if", "qcfs", "srp")})
    monkeypatch.setattr(weights, "FILE", tmp_path / "gallery.safetensors")
    threads = torch.get_num_threads()
    training.main()
    torch.set_num_threads(threads)
    made = load_file(tmp_path / "gallery.safetensors")
    expected = {name: value.shape for name, value in kept.items() if name.partition(".")[0] in ("if", "qcfs")}
    assert {name: value.shape for name, value in made.items()} == expected
    assert all(bool(value.isfinite().all()) for value in made.values())
    assert "if: " in capsys.readouterr().out


def test_the_weights_are_small() -> None:
    assert weights.FILE.stat().st_size < 300_000

"""``bench train``: what it prints for a program, and that progress goes to standard error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.program import Program

from bench.data.base import Samples
from bench.training import conversion, job, side_by_side
from zoo import card as cards

TINY = """name: {name}
summary: A small model.
dataset: own
builder: {{name: compact, arguments: {{steps: 1, neuron: {{}}, widths: [2, 2, 2, 2], classes: 3}}}}
defense: {{name: none}}
spiking: true
recipe: {{epochs: 2, batch_size: 4, learning_rate: 0.1}}
"""


@pytest.fixture(autouse=True)
def a_zoo_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Cards of two small networks, and eight drawn images."""

    def load(name: str, *, split: str, root: Path | None = None) -> Samples:
        generator = torch.Generator().manual_seed(len(split))
        pixels = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return Samples(pixels, torch.arange(8) % 3, torch.arange(8), name, split)

    for module in (job, conversion):
        monkeypatch.setattr(module, "load_samples", load)
    folder = tmp_path / "cards"
    folder.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(TINY.format(name=name))
    monkeypatch.setattr(cards, "CARDS", folder)
    monkeypatch.chdir(tmp_path)
    for cached in (cards.names, cards.card):
        cached.cache_clear()
    yield
    for cached in (cards.names, cards.card):
        cached.cache_clear()


def test_it_says_which_figure_was_reached_and_where_the_files_are(program: Program, tmp_path: Path) -> None:
    ended = program("train", "zoo:first", "--runs", "runs", "--json")
    (made,) = json.loads(ended.out)
    assert made["model"] == "zoo:first" and made["figure"]["name"] == "accuracy" and 0 <= made["figure"]["value"] <= 1
    assert Path(made["weights"]).is_file() and cards.read_card(Path(made["card"])).weights is not None
    assert "first: A small model." in ended.err and ended.err.count("epoch ") == 2


def test_quiet_leaves_the_result_alone(program: Program) -> None:
    everything = program("train", "--all", "--runs", "runs", "--json", "--quiet")
    assert [made["model"] for made in json.loads(everything.out)] == ["zoo:first", "zoo:second"]
    assert everything.err == ""
    text = program("train", "zoo:first", "--runs", "runs", "--quiet")
    assert text.err == "" and text.out.startswith("first: ") and len(text.out.splitlines()) == 1


def test_models_side_by_side_have_a_bar_over_the_models(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def two(names: list[str], places: side_by_side.Places, workers: int) -> Any:
        assert workers == 2
        return (side_by_side.make(name, places) for name in names)

    monkeypatch.setattr(side_by_side, "make_side_by_side", two)
    monkeypatch.setattr("bench.foundation.progress.PATIENCE", 0.0)
    ended = program("train", "--all", "--runs", "runs", "--workers", 2)
    assert [line.split()[:2] for line in ended.err.splitlines()] == [["1/2", "first"], ["2/2", "second"]]
    assert len(ended.out.splitlines()) == 2

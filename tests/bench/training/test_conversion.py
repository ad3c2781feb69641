"""From the weights of a source to a converted model: the files, their order, and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import bench.training.conversion as conversion
import zoo.card
from bench.cli import train as cli
from bench.data.base import Samples
from bench.foundation.errors import ModelError
from bench.training import job
from zoo.cameras.scoring import ScoreThroughPictures
from zoo.card import Card, read_card
from zoo.loading import build, load_card, with_steps

SOURCE = """name: source
summary: A small source.
dataset: own
builder: {name: ann_nq, arguments: {levels: 4, threshold: 2.0, widths: [4, 4, 4, 4], classes: 3}}
defense: {name: residual_noise, arguments: {steps: 2}}
spiking: false
recipe: {epochs: 2, batch_size: 8, learning_rate: 0.05}
"""
TARGET = """name: target
summary: A small converted model.
dataset: own
builder: {name: snn_cos, arguments: {steps: 2, rho: 3, widths: [4, 4, 4, 4], classes: 3}}
defense: {name: none}
spiking: true
conversion: {source: source}
paper: Somebody, Somewhere
"""


BEHIND = """name: target
summary: A small scorer behind a camera.
task: quality
dataset: own
builder:
  name: score_through_pictures
  arguments:
    camera: {ticks: 4, initial: 0.5}
    network: {name: linearity, arguments: {widths: [4, 4, 4, 4], hidden: 4, features: 4}}
defense: {name: none}
spiking: true
conversion: {source: source}
paper: Somebody, Somewhere
"""
SCORER = """name: source
summary: A small scorer.
task: quality
dataset: own
builder: {name: linearity, arguments: {widths: [4, 4, 4, 4], hidden: 4, features: 4}}
defense: {name: norm_in_norm}
spiking: false
recipe: {epochs: 1, learning_rate: 0.05}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def load(name: str, *, split: str, root: Path | None = None) -> Samples:
        generator = torch.Generator().manual_seed(len(split))
        pixels = torch.randint(256, (16, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return Samples(pixels, torch.arange(16) % 3, torch.arange(16), name, split)

    monkeypatch.setattr(job, "load_samples", load)
    monkeypatch.setattr(conversion, "load_samples", load)
    monkeypatch.setattr(zoo.card, "CARDS", tmp_path)
    monkeypatch.setattr(zoo.card, "names", lambda: tuple(path.stem for path in tmp_path.glob("*.yaml")))
    monkeypatch.setattr(conversion, "card", zoo.card.card.__wrapped__)
    monkeypatch.setattr(conversion, "load_card", lambda described: load_card(described, tmp_path))
    (tmp_path / "source.yaml").write_text(SOURCE)
    (tmp_path / "target.yaml").write_text(TARGET)
    return tmp_path


def converted(folder: Path, out: str = "out") -> conversion.ConvertedFiles:
    path = folder / "target.yaml"
    return conversion.convert_model(read_card(path), source=path, out=folder / out)


def test_from_source_to_converted_model(folder: Path) -> None:
    path = folder / "source.yaml"
    job.train_model(read_card(path), source=path, out=folder, runs=folder / "runs")
    source = load_card(read_card(path), folder)
    assert all(float(value) > 0 for name, value in source.state_dict().items() if name in ("body.6.noise", "body.9.noise"))
    files, again = converted(folder), converted(folder, "again")
    assert files.weights.read_bytes() == again.weights.read_bytes()
    assert files.card.read_text().startswith(TARGET) and 0 <= files.val_figure <= 1
    described = read_card(files.card)
    model, x = load_card(described, folder / "out"), torch.rand(2, 3, 32, 32)
    assert model(x).shape == (2, 3) and model.latency == 5
    longer = load_card(with_steps(described, 7), folder / "out")
    assert longer.latency == 10 and not torch.equal(longer(x), model(x))
    with pytest.raises(ValueError, match="source has no time steps"):
        with_steps(read_card(path), 7)


def test_a_camera_is_put_before_a_network_with_its_weights_as_they_are(folder: Path) -> None:
    (folder / "source.yaml").write_text(SCORER)
    (folder / "target.yaml").write_text(BEHIND)
    scorer = build(read_card(folder / "source.yaml").builder)
    job.write_weights(
        scorer.state_dict(),
        source=folder / "source.yaml",
        weights=folder / "source.safetensors",
        card_file=folder / "source.yaml",
    )
    files = converted(folder)
    behind = load_card(read_card(files.card), folder / "out")
    source = load_card(read_card(folder / "source.yaml"), folder)
    assert isinstance(behind, ScoreThroughPictures)
    weights = behind.network.state_dict()
    assert weights.keys() == source.state_dict().keys()
    assert all(torch.equal(value, weights[name]) for name, value in source.state_dict().items())
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(behind(x), source(behind.reconstruction(behind.camera(x)).clamp(0, 1)))


def test_refusals(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"zoo:source, which cannot be converted \(source has no trained weights yet"):
        converted(folder)
    assert not (folder / "out").exists()
    (folder / "target.yaml").write_text(TARGET.replace("source: source", "source: nobody"))
    with pytest.raises(ModelError, match="converted from zoo:nobody, which does not exist"):
        converted(folder)
    with pytest.raises(ModelError, match="source is trained, not converted"):
        conversion.convert_model(read_card(folder / "source.yaml"), source=folder, out=folder)


def test_sources_come_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards: dict[str, Card] = {name: read_card(folder / f"{name}.yaml") for name in ("source", "target")}
    monkeypatch.setattr(zoo.card, "card", cards.__getitem__)
    monkeypatch.setattr(zoo.card, "names", lambda: tuple(cards))
    assert cli._in_order(["target", "source"]) == ["source", "target"]
    assert cli._in_order(["target"]) == ["target"]

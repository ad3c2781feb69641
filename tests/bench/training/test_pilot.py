"""The weight of a penalty is chosen on validation data by the rule that the card states, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from bench.cli.pilot import _Steps
from bench.data.base import Samples
from bench.foundation.errors import ModelError
from bench.training import job, pilot
from bench.training.pilot import Pilot, chosen, pilots, start_figure
from zoo.card import Card, read_card

CARD = {
    "name": "tuned",
    "summary": "A tiny one.",
    "dataset": "tiny",
    "builder": {"name": "compact", "arguments": {"steps": 1, "neuron": {}, "widths": [2, 2, 2, 2]}},
    "defense": {"name": "gradient_sparsity", "arguments": {"weight": 0.5}},
    "spiking": True,
    "recipe": {"epochs": 5, "batch_size": 8, "learning_rate": 0.01},
}


def tiny(name: str, *, split: str, n: int | None = None, root: Path | None = None) -> Samples:
    generator = torch.Generator().manual_seed(len(split))
    pixels = torch.randint(256, (16, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return Samples(pixels, torch.arange(16) % 10, torch.arange(16), name, split)


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Card, Path]:
    for module in (job, pilot):
        monkeypatch.setattr(module, "load_samples", tiny)
    path = tmp_path / "tuned.yaml"
    path.write_text(yaml.safe_dump(CARD))
    return read_card(path), path


def test_the_largest_weight_that_keeps_enough_is_chosen() -> None:
    assert chosen([Pilot(0.1, 0.7, True), Pilot(0.2, 0.69, True), Pilot(0.4, 0.2, False)]) == 0.2
    assert chosen([Pilot(0.1, 0.2, False)]) == 0.1


def test_pilots_stop_where_one_loses_too_much(described: tuple[Card, Path], tmp_path: Path) -> None:
    card, source = described
    settings = {"source": source, "runs": tmp_path / "runs", "epochs": 1}
    kept = list(pilots(card, [0.2, 0.1], least=0.0, **settings))  # type: ignore[arg-type]
    assert [(one.weight, one.kept) for one in kept] == [(0.1, True), (0.2, True)]
    lost = list(pilots(card, [0.2, 0.1], least=1.1, **settings))  # type: ignore[arg-type]
    assert [(one.weight, one.kept) for one in lost] == [(0.1, False)]
    assert lost[0].figure == kept[0].figure  # read back, not trained again
    log = (tmp_path / "runs" / "pilots" / "0.1" / "tuned.csv").read_text().splitlines()
    assert len(log) == 2  # a header and one epoch: the recipe's five were compressed


def test_the_bar_goes_through_the_steps_of_all_pilots(
    described: tuple[Card, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.foundation.progress.PATIENCE", 0.0)
    card, source = described

    def run(*weights: float) -> list[str]:
        settings = {"source": source, "runs": tmp_path / "runs", "epochs": 1, "least": 0.0}
        with _Steps(len(weights)) as bar:
            for _ in pilots(card, weights, on_step=bar.step, **settings):  # type: ignore[arg-type]
                bar.finished += 1
        return [" ".join(line.split()[:3]) for line in capsys.readouterr().err.splitlines()]

    assert run(0.2, 0.1) == ["2/4 weight 0.1", "4/4 weight 0.2"]
    assert run(0.1, 0.2, 0.3) == ["6/6 weight 0.3"]  # two are read back


def test_a_pilot_needs_a_weight_and_a_start(described: tuple[Card, Path], tmp_path: Path) -> None:
    card, source = described
    plain = card.model_copy(update={"defense": card.defense.model_copy(update={"name": "none", "arguments": {}})})
    with pytest.raises(ModelError, match="no weight to choose"):
        list(pilots(plain, [1.0], source=source, runs=tmp_path, epochs=1, least=0.0))
    with pytest.raises(ModelError, match="starts from no trained model"):
        start_figure(card)

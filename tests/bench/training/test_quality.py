"""Training of score models: its own figure, its optimiser, calibration at the end, and the same promises as for classes."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch import nn

from bench.data.base import Samples
from bench.foundation.errors import BenchError
from bench.models.outputs import outputs
from bench.tasks.quality.training import TRAINING, calibrate, srcc
from bench.training import job
from bench.training.augment import flip
from bench.training.checkpoint import Checkpoint, Epoch
from bench.training.history import as_csv, curve
from bench.training.loop import Split, figure, train
from zoo.card import Part, Recipe, read_card
from zoo.defenses.regression import Regression
from zoo.loading import build, load_card

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.01, optimiser="adamw", augment="flip", seed=4)


def blurred(n: int, seed: int) -> Split:
    """Noise images of 32 x 32, blurred by 0 to 2 pixels: the less blur, the better."""
    rng = np.random.default_rng(seed)
    blur = rng.uniform(0, 2, n)
    sharp = rng.uniform(0, 255, (n, 3, 32, 32))
    images = np.stack([gaussian_filter(image, (0, b, b)) for image, b in zip(sharp, blur, strict=True)])
    return Split(torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(1 - blur / 2).float())


TRAIN, VAL = blurred(40, 0), blurred(30, 1)


def network(name: str = "linearity", seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    sizes: dict[str, object] = {"hidden": 8, "features": 4} if name == "linearity" else {"sizes": [18, 9], "hyper": 4}
    return build(Part(name=name, arguments={"widths": [4, 6, 6, 8]} | sizes))


def trained(path: Path, model: nn.Module, recipe: Recipe = RECIPE, **options: object) -> list[Epoch]:
    settings = {"checkpoint": path, "digest": "d", "task": TRAINING} | options
    return train(model, Regression(), recipe, TRAIN, VAL, **settings)  # type: ignore[arg-type]


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


# --- the figure ---


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_rank_correlation_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = (torch.tensor(values, dtype=torch.float32) for values in zip(*pairs, strict=True))
    if one.std() > 0 and other.std() > 0:
        assert srcc(one, other) == pytest.approx(spearmanr(one, other).statistic)
    else:
        assert srcc(one, other) == 0.0


def test_the_figure_is_read_in_eval_mode() -> None:
    model = network().train()
    found = figure(model, VAL, task=TRAINING, batch=7)
    assert model.training
    assert found == pytest.approx(srcc(model.eval()(VAL.images.float() / 255).detach(), VAL.labels))


def test_a_log_and_a_curve_name_the_figure() -> None:
    log = [Epoch(1, 0.5, 0.25, 0.75, 0.1, 2.0), Epoch(2, 0.4, 0.5, -0.25, 0.1, 2.0)]
    rows = list(csv.DictReader(io.StringIO(as_csv(log, task=TRAINING))))
    assert [float(row["val_srcc"]) for row in rows] == [0.75, -0.25]
    assert "train_srcc" in rows[0] and "val_accuracy" not in rows[0]
    assert as_csv(log).splitlines()[0] == "epoch,loss,train_accuracy,val_accuracy,learning_rate,seconds"
    assert curve(log, title="t", task=TRAINING).startswith(b"\x89PNG")
    assert (TRAINING.written(0.8123), TRAINING.figure) == ("0.812 srcc", "srcc")


# --- augmentation ---


def test_a_flip_is_all_that_happens() -> None:
    seen = set()
    for seed in range(20):
        for before, after in zip(TRAIN.images, flip(TRAIN.images, torch.Generator().manual_seed(seed)), strict=True):
            mirrored = torch.equal(after, before.flip(2))
            assert mirrored or torch.equal(after, before)
            seen.add(mirrored)
    assert seen == {True, False}


# --- the loop ---


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linearity", "hyperiqa"])
def test_training_finds_out_what_blur_is(name: str, tmp_path: Path) -> None:
    """On average: where one run ends hangs on the rounding. Twenty came to 0.956 +- 0.05: 0.75 is 8 standard errors off."""
    reached = []
    for seed in range(4):
        recipe = RECIPE.model_copy(update={"epochs": 30, "seed": seed})
        log = trained(tmp_path / str(seed), network(name, seed), recipe)
        reached.append(log[-1].val_figure)
        assert log[-1].loss < log[0].loss
    assert sum(reached) / len(reached) > 0.75


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("stop", [1, 2])
def test_resuming_gives_the_same_bits(optimiser: str, stop: int, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"optimiser": optimiser})
    whole, broken, resumed = network(), network(), network()
    uninterrupted = trained(tmp_path / "whole", whole, recipe)

    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c", broken, recipe, on_epoch=interrupt)
    assert not same_weights(whole, broken)
    log = trained(tmp_path / "c", resumed, recipe)
    assert same_weights(whole, resumed)
    assert [replace(epoch, seconds=0) for epoch in log] == [replace(epoch, seconds=0) for epoch in uninterrupted]


def test_the_optimisers_differ(tmp_path: Path) -> None:
    one, other = network("hyperiqa"), network("hyperiqa")
    trained(tmp_path / "a", one)
    trained(tmp_path / "b", other, RECIPE.model_copy(update={"optimiser": "sgd"}))
    assert not same_weights(one, other)
    kept = Checkpoint.read(tmp_path / "a").momentum
    names = [name for name, _ in one.named_parameters()]
    assert set(kept) == {f"{name}:{field}" for name in names for field in ("exp_avg", "exp_avg_sq", "step")}
    assert set(Checkpoint.read(tmp_path / "b").momentum) == set(names)


def test_adamw_is_the_one_of_torch(tmp_path: Path) -> None:
    """One step on the whole set, weight decay on matrices only."""
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch_size": 40, "augment": "none", "warmup": 0.0, "weight_decay": 0.3})
    model, twin = network(), network().train()
    trained(tmp_path / "c", model, recipe)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(recipe.seed * 100_003))
    loss = (twin(TRAIN.images[order].float().div(255)) - TRAIN.labels[order]).abs().mean()
    gradients = torch.autograd.grad(loss, list(twin.parameters()), allow_unused=True)
    for parameter, gradient, found in zip(twin.parameters(), gradients, model.parameters(), strict=True):
        if gradient is None:
            assert torch.equal(parameter, found)
        else:
            # At the first step the ratio of the moments is g / (|g| + 1e-8).
            decayed = parameter * (1 - 0.01 * 0.3 * (parameter.dim() > 1))
            expected = decayed - 0.01 * gradient / (gradient.abs() + 1e-8)
            close = gradient.abs() > 1e-5  # elsewhere rounding decides the sign
            torch.testing.assert_close(found[close], expected[close], rtol=1e-4, atol=1e-4)


# --- checkpoints of before ---


def test_a_checkpoint_that_calls_its_figures_accuracies_is_read(tmp_path: Path) -> None:
    from safetensors.torch import save

    line = '{"epoch": 1, "loss": 0.5, "train_accuracy": 0.25, "val_accuracy": 0.75, "learning_rate": 0.1, "seconds": 2.0}'
    (tmp_path / "c").write_bytes(save({"model/a": torch.ones(2)}, metadata={"recipe": "r", "log": f"[{line}]"}))
    assert Checkpoint.read(tmp_path / "c").log == [Epoch(1, 0.5, 0.25, 0.75, 0.1, 2.0)]


# --- calibration and cards ---

CARD = """name: tiny
summary: A small score model.
task: quality
dataset: own
builder: {name: linearity, arguments: {widths: [4, 6, 6, 8], hidden: 8, features: 4}}
defense: {name: norm_in_norm}
spiking: false
recipe: {epochs: 2, batch_size: 8, learning_rate: 0.01, optimiser: adamw, augment: flip}
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def load(name: str, *, split: str, root: Path | None = None) -> Samples:
        data = {"train": TRAIN, "val": VAL}[split]
        return Samples(data.images, data.labels, torch.arange(len(data.labels)), name, split)

    monkeypatch.setattr(job, "load_samples", load)
    path = tmp_path / "tiny.yaml"
    path.write_text(CARD)
    return path


def test_from_card_to_a_calibrated_model(source: Path) -> None:
    folder = source.parent
    files = job.train_model(read_card(source), source=source, out=folder / "out", runs=folder / "runs")
    model = load_card(read_card(files.card), files.card.parent)
    scores = outputs(model, VAL.images)
    torch.testing.assert_close(scores.mean(), VAL.labels.mean(), atol=1e-4, rtol=0)
    torch.testing.assert_close(scores.std(), VAL.labels.std(), atol=1e-4, rtol=0)
    assert "val_srcc" in files.log.read_text()
    assert srcc(scores, VAL.labels) == pytest.approx(files.epochs[-1].val_figure)
    again = job.train_model(read_card(source), source=source, out=folder / "again", runs=folder / "runs")
    assert again.weights.read_bytes() == files.weights.read_bytes()


def test_calibrating_twice_is_calibrating_once() -> None:
    model = network().eval()
    calibrate(model, VAL.images, VAL.labels)
    once = model.calibration.scale.clone()
    calibrate(model, VAL.images, VAL.labels)
    assert torch.equal(model.calibration.scale, once)


def test_what_cannot_be_calibrated() -> None:
    with pytest.raises(BenchError, match="cannot be calibrated"):
        calibrate(nn.Flatten(), VAL.images, VAL.labels)
    with pytest.raises(BenchError, match="cannot be put on a scale"):
        calibrate(network(), VAL.images, torch.ones(30))


def test_a_digest_tells_optimisers_apart_and_ignores_the_default(source: Path) -> None:
    described = read_card(source)
    sgd = described.model_copy(update={"recipe": described.recipe.model_copy(update={"optimiser": "sgd"})})
    assert job.recipe_digest(described) != job.recipe_digest(sgd)


def test_digests_from_before_there_were_optimisers() -> None:
    """A checkpoint made earlier belongs to the same recipe still."""
    from zoo.card import card

    assert job.recipe_digest(card("ann_vanilla")).startswith("dca65315a4ad5e44")

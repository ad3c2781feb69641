"""The table of conversions beside published rows: figures of the models themselves, and of their present weights."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.data import load_samples
from bench.foundation.errors import RecordError
from reports import conversions
from reports.conversions import MODELS, Published
from zoo.card import card
from zoo.loading import load

SMALL = {"ann_qcfs": Published((1,), {1: 91.77}), "snn_srp": Published((2, 4), {4: 50.5})}


def test_rows_are_accuracies_at_each_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, "MODELS", SMALL)
    table = pd.DataFrame(conversions.rows(60))
    samples = load_samples("cifar10", n=60)
    models = (load("ann_qcfs"), load("snn_srp", steps=2), load("snn_srp", steps=4))
    wanted = [100 * float((model(samples.images).argmax(1) == samples.labels).float().mean()) for model in models]
    assert table["accuracy"].tolist() == pytest.approx(wanted, abs=0.01)
    assert table["T"].tolist() == [1, 2, 4] and table["latency"].tolist() == [1, 6, 8]
    assert table["published"].fillna(0).tolist() == [91.77, 0, 50.5]
    assert (table["low"] < table["accuracy"]).all() and (table["accuracy"] < table["high"]).all()


def test_models_without_weights_have_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, "MODELS", {"ann_qcfs_vgg16": Published((1,))})
    assert card("ann_qcfs_vgg16").weights is None and list(conversions.rows(2)) == []


def test_published_rows_are_of_steps_that_are_measured() -> None:
    assert all(set(published.accuracy) <= set(published.steps) for published in MODELS.values())
    assert all(card(name).builder.arguments.get("network", "resnet20") == "resnet20" for name in MODELS)


def test_rows_of_other_weights_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(RecordError, match=r"cannot be read .*Run: python -m reports\.conversions"):
        conversions.stored(path)
    monkeypatch.setattr(conversions, "MODELS", SMALL)
    rows = list(conversions.rows(5))
    pd.DataFrame(rows).to_csv(path, index=False)
    assert conversions.stored(path)["model"].tolist() == ["ann_qcfs", "snn_srp", "snn_srp"]
    rows[-1]["weights"] = "0123456789ab"
    pd.DataFrame(rows).to_csv(path, index=False)
    assert conversions.stored(path)[["model", "T"]].to_numpy().tolist() == [["ann_qcfs", 1], ["snn_srp", 2]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_has_each_figure_beside_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Published((2, 4), paper="They", elsewhere={1: 46.48, 4: 59.34}, source=69.94)
    monkeypatch.setattr(conversions, "MODELS", SMALL | {"snn_srp": elsewhere})
    weights = {name: described.weights.sha256[:12] for name in conversions.MODELS if (described := card(name)).weights}
    rows = [("ann_qcfs", weights["ann_qcfs"], 1, 82.04, 5000), ("snn_srp", weights["snn_srp"], 4, 81.96, 2000)]
    rows += [("snn_srp", "0123456789ab", 2, 12.3, 2000), ("no_such_model", "0123456789ab", 2, 12.3, 2000)]
    path = tmp_path / "table.csv"
    pd.DataFrame(rows, columns=["model", "weights", "T", "accuracy", "n"]).to_csv(path, index=False)
    header, _, here, there = map(cells, conversions.markdown(path).splitlines())
    assert header[3:] == [f"T={steps}" for steps in conversions.STEPS]
    assert here == ["`zoo:snn_srp`", "here, 2,000 images", "82.04", "-", "-", "81.96", "-", "-", "-"]
    assert there == ["", "They (CIFAR-100)", "69.94", "46.48", "-", "59.34", "-", "-", "-"]


def test_published_rows_have_a_paper_and_a_source_and_stand_on_one_data_set() -> None:
    for name, published in MODELS.items():
        converted = card(name).conversion is not None
        assert converted == bool(published.paper) == (published.source is not None)
        assert not (published.accuracy and published.elsewhere)
        if converted:
            assert published.accuracy or published.elsewhere
            assert card(name).conversion.source in MODELS  # type: ignore[union-attr]


def test_what_the_page_says_of_the_sources_is_what_their_cards_say() -> None:
    text = (Path(__file__).parents[2] / "docs/zoo.md").read_text(encoding="utf-8").replace("\n", " ").replace("  ", " ")
    for name in ("ann_qcfs_resnet20", "ann_nq_resnet20"):
        described = card(name)
        recipe, arguments = described.training, described.builder.arguments
        assert f"trained for {recipe.epochs} epochs with crops and flips alone, in {recipe.precision}" in text
        assert recipe.augment == "crop_flip"
        assert f"They start at {arguments['threshold']:g} here" in text and recipe.decayed == "all"
        assert f"Both sources have {arguments['levels']} levels" in text

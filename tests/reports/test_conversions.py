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


def test_a_table_of_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(RecordError, match=r"cannot be read .*Run: python -m reports\.conversions"):
        conversions.stored(path)
    monkeypatch.setattr(conversions, "MODELS", SMALL)
    rows = list(conversions.rows(5))
    pd.DataFrame(rows).to_csv(path, index=False)
    assert conversions.stored(path)["model"].tolist() == ["ann_qcfs", "snn_srp", "snn_srp"]
    rows[-1]["weights"] = "0123456789ab"
    pd.DataFrame(rows).to_csv(path, index=False)
    with pytest.raises(RecordError, match="other weights of snn_srp"):
        conversions.stored(path)

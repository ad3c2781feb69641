"""The table of strength is made anew model by model: what was measured on others stays."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.evaluation.records.archive import Archive
from reports import strength


def test_a_model_is_measured_anew_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strength, "WHERE", tmp_path)
    monkeypatch.setattr(strength, "SAMPLES", 3)
    monkeypatch.setattr(strength, "SINGLE", ("training",))
    monkeypatch.setattr(strength, "OTHERS", ("foolbox:LinfPGD,steps=2",))
    monkeypatch.setattr(strength, "STRONGEST", "pgd:steps=2")
    monkeypatch.setattr(strength, "ALONG", "pgd:steps=1")
    monkeypatch.setattr(strength, "subjects", lambda: ["snn_gsr", "snn_vanilla"])
    strength.main()
    first, kept = pd.read_csv(tmp_path / "table.csv"), set(Archive(tmp_path).lines())
    assert len(kept) == 6  # of each model one of the libraries, one of ``standard``, one along a single path
    monkeypatch.setattr(strength, "STRONGEST", "pgd:steps=3")
    strength.main(["snn_gsr"])
    second = pd.read_csv(tmp_path / "table.csv")
    assert list(second["model"]) == ["snn_vanilla", "snn_gsr"]
    unmoved = first[first["model"] == "snn_vanilla"].iloc[0]
    assert second.iloc[0]["pgd:steps=2"] == unmoved["pgd:steps=2"] and pd.isna(second.iloc[0]["pgd:steps=3"])
    assert kept < set(Archive(tmp_path).lines())  # what the row of the other model rests on is still there
    assert strength.markdown().count("`zoo:snn_gsr`") == 1

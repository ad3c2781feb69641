"""The plain quality models are better than hand-crafted features, and the kept figures are those of the present weights."""

from __future__ import annotations

import pytest

from reports import quality_models
from zoo.card import card


def test_every_trained_quality_model_is_kept_with_its_weights() -> None:
    kept = quality_models.stored()
    assert list(kept) == quality_models.subjects()
    for name, figures in kept.items():
        weights = card(name).weights
        assert weights is not None and figures["weights"] == weights.sha256[:12]
        assert len(figures["srcc_per_kind"]) == 25


@pytest.mark.parametrize("name", ["iqa_hyperiqa", "iqa_dbcnn", "iqa_linearity", "iqa_maniqa"])
def test_plain_models_beat_the_baseline(name: str) -> None:
    above = quality_models.stored()[name]["above_baseline"]
    assert above["value"] >= 0.05 and above["low"] > 0


def test_a_fresh_scoring_gives_the_kept_figures() -> None:
    kept = quality_models.stored()["iqa_dbcnn"]
    again = quality_models.measured("iqa_dbcnn", quality_models.baseline_scores())
    assert again["srcc"]["value"] == pytest.approx(kept["srcc"]["value"], abs=1e-3)
    assert again["above_baseline"]["value"] == pytest.approx(kept["above_baseline"]["value"], abs=1e-3)

"""What bounds the rank correlation: guesses by hand, and the page's figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.data.photo_plan import plan
from bench.data.photo_sources import photos_of
from reports import quality_ceiling, quality_models
from reports.quality_ceiling import from_other_photographs


def test_guesses_are_means_over_other_photographs_with_the_same_key() -> None:
    scores = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    guesses = from_other_photographs(scores, ["a", "a", "a", "b", "b"], [0, 1, 1, 2, 0])
    assert np.allclose(guesses, [0.4, 0.1, 0.1, 0.9, 0.7])
    alone = from_other_photographs(scores, ["a", "a", "b", "c", "c"], [0, 1, 1, 2, 2])
    assert np.allclose(alone[2:], [(0.1 + 0.7 + 0.9) / 3, (0.1 + 0.3 + 0.5) / 3, (0.1 + 0.3 + 0.5) / 3])


def test_more_knowledge_ranks_better_and_networks_lie_between() -> None:
    both, level, kind, network, features = (reader.srcc for reader in quality_ceiling.readers())
    assert both > 0.8 > network > features and both > max(level, kind)
    assert network == max(model["srcc"]["value"] for model in quality_models.stored().values())


def test_each_distortion_has_the_median_of_the_networks() -> None:
    medians = quality_ceiling.medians()
    assert len(medians) == 25 and list(medians.values()) == sorted(medians.values())
    blur = [model["srcc_per_kind"]["gaussian_blur"]["value"] for model in quality_models.stored().values()]
    assert medians["gaussian_blur"] == float(np.median(blur))


def test_the_page_has_the_number_of_photographs() -> None:
    text = (Path(__file__).parents[2] / "docs/quality.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"{len(plan('train')):,} images of {len(photos_of('train'))} photographs" in text

"""The kept baseline follows from its scores, and damage to either is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from bench.data import load_samples
from bench.foundation.errors import RecordError
from bench.metrics.kinds import srcc_per_kind
from reports import quality_baseline


def test_the_kept_baseline_follows_from_its_scores() -> None:
    kept, test = quality_baseline.stored(), load_samples("photos")
    ids, scores = np.loadtxt(quality_baseline.ROOT / quality_baseline.SCORES, delimiter=",", skiprows=1, unpack=True)
    assert ids.tolist() == test.ids.tolist()
    assert kept["srcc"]["value"] == pytest.approx(spearmanr(scores, test.labels.numpy()).statistic, abs=1e-6)
    assert set(kept["srcc_per_kind"]) == set(test.kind_names)
    assert sum(one["n"] for one in kept["srcc_per_kind"].values()) == len(test)
    printed = quality_baseline.text(kept)
    assert len(printed.splitlines()) == 26 and printed.startswith("all distortions")


def test_each_kind_is_ranked_by_itself() -> None:
    test = load_samples("photos")
    assert test.kinds is not None
    # Right within each distortion, wrong across them.
    scores = test.labels.numpy() - 10.0 * test.kinds.numpy()
    found = srcc_per_kind(scores, test)
    assert all(one.value == pytest.approx(1) for one in found.values()) and len(found) == 25
    only = test[test.kinds == 3]
    assert list(srcc_per_kind(only.labels.numpy().astype(float), only)) == ["colour_diffusion"]
    with pytest.raises(ValueError, match="10 scores do not fit 375 samples"):
        srcc_per_kind(scores[:10], test)


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(quality_baseline.ROOT, tmp_path / "kept"))
    result = json.loads((folder / quality_baseline.RESULT).read_text())
    result["srcc"]["value"] += 0.1
    (folder / quality_baseline.RESULT).write_text(json.dumps(result))
    with pytest.raises(RecordError, match="do not follow from its scores"):
        quality_baseline.stored(folder)
    result["method"]["data"]["test"]["sha256"] = "0"
    (folder / quality_baseline.RESULT).write_text(json.dumps(result))
    with pytest.raises(RecordError, match="scored on other images"):
        quality_baseline.stored(folder)
    (folder / quality_baseline.SCORES).unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        quality_baseline.stored(folder)

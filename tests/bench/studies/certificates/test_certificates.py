"""Certificates: radii of a linear model are known, bounds are those of other implementations, rows stand by themselves."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from attacks.randomness import KeyedRng
from bench.cli.certify import certify as command
from bench.foundation.errors import SpecError
from bench.models.scorer import Scorer
from bench.studies.certificates.bounds import ABSTAINED, certified_accuracy, largest_radius, linf_radius, lower_bound, radius
from bench.studies.certificates.certify import Smoothing, certify
from bench.studies.certificates.smoothing import counts

SIDE = 4


class Halfspace(nn.Module):
    """Class 1 where the mean pixel is above 1/2: a sample at signed distance d is certified within d, and not beyond."""

    def forward(self, x: Tensor) -> Tensor:
        value = x.flatten(1).mean(1) - 0.5
        return torch.stack((-value, value), 1)


def samples(*means: float) -> tuple[Tensor, Tensor]:
    images = torch.stack([torch.full((1, SIDE, SIDE), value) for value in means])
    return images, (images.flatten(1).mean(1) > 0.5).long()


@given(hits=st.integers(0, 200), alpha=st.floats(1e-4, 0.2))
def test_the_bound_is_scipys(hits: int, alpha: float) -> None:
    reference = stats.binomtest(hits, 200, alternative="greater").proportion_ci(1 - alpha, method="exact").low
    assert lower_bound(hits, 200, alpha) == pytest.approx(reference, abs=1e-9)


def test_a_radius_is_that_of_the_paper() -> None:
    """100,000 draws that all agree at sigma 0.5 and alpha 0.001: 0.5 Phi^-1(0.001^(1/100000)), 1.9 in its figures."""
    assert radius(100_000, 100_000, sigma=0.5, alpha=0.001) == pytest.approx(0.5 * stats.norm.ppf(0.001 ** (1 / 100_000)))
    assert radius(550, 1000, sigma=0.5, alpha=0.001) > 0 == radius(540, 1000, sigma=0.5, alpha=0.001)
    assert largest_radius(1000, sigma=0.25, alpha=0.001) == pytest.approx(0.615, abs=1e-3)
    assert linf_radius(0.5, 3072) == pytest.approx(0.5 / math.sqrt(3072))


def test_certified_accuracy_needs_the_right_answer_and_the_radius() -> None:
    found = certified_accuracy(np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.3, 0.1, 0.5, 0.0]), 0.2)
    assert found.tolist() == [1, 0, 0, 0]
    assert certified_accuracy(np.ones(2), np.array([0.1, 0.0]), 0.0).tolist() == [1, 0]


def test_no_certificate_of_a_halfspace_is_larger_than_the_distance_to_it() -> None:
    """l2 distance is ``|mean - 1/2| * side``. One in a million certificates may be wrong."""
    means = np.linspace(0.36, 0.64, 60)
    found = certify(Halfspace(), Smoothing(0.25, draws=2000, alpha=1e-6), n=60, data=samples(*means))
    distances = np.abs(means - 0.5) * SIDE
    assert (found.rows["radius"] <= distances + 1e-6).all()
    sure = (distances > 0.15) & (distances < 0.4)
    assert (found.rows["radius"][sure] > 0.6 * distances[sure]).all()
    answered = found.rows["answer"] != ABSTAINED
    assert (found.rows["answer"] == found.rows["label"])[answered].all() and found.abstained == (~answered).sum() > 0
    assert found.accuracy(0.0).value == answered.mean() >= found.accuracy(0.2).value > found.accuracy(10.0).value == 0
    assert found.clean.value == 1


def test_draws_of_a_sample_do_not_depend_on_the_others() -> None:
    x, _ = samples(0.45, 0.5, 0.52)
    scorer, rng = Scorer(Halfspace(), "halfspace"), KeyedRng.of(0, torch.arange(3))
    together = counts(scorer, x, rng, sigma=0.25, draws=50)
    alone = torch.cat([counts(scorer, x[[row]], rng.rows(torch.tensor([row])), sigma=0.25, draws=50) for row in range(3)])
    assert torch.equal(together, alone) and together.sum(1).tolist() == [50] * 3


def test_what_makes_no_certificate_is_refused() -> None:
    with pytest.raises(SpecError, match="sigma above 0"):
        Smoothing(0.0)
    with pytest.raises(SpecError, match="9 draws cannot certify"):
        Smoothing(0.1, draws=9)
    with pytest.raises(SpecError, match="needs draws"):
        Smoothing(0.1, choosing=0)
    with pytest.raises(SpecError, match="certificates are about classes"):
        certify("zoo:iqa_hyperiqa", Smoothing(0.1), n=2)


def test_the_command_says_whose_bound_it_is(tmp_path: Path) -> None:
    asked = ["zoo:snn_gn", "--sigma", "0.05", "--n", "4", "--draws", "20", "--choosing", "4", "--out"]
    asked.append(str(tmp_path / "rows.csv"))
    done = CliRunner().invoke(command, asked, standalone_mode=False, catch_exceptions=False)
    assert "not for zoo:snn_gn" in done.output and "linf radius" in done.output
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert len(rows) == 4
    fields = json.loads(
        CliRunner().invoke(command, [*asked, "--json"], standalone_mode=False, catch_exceptions=False).stdout
    )
    assert fields["model"] == "zoo:snn_gn" and fields["data"]["n"] == 4 == fields["clean"]["n"]
    assert fields["abstained"] == int((rows["answer"] == ABSTAINED).sum())
    for certified in fields["certified"]:
        right = (rows["answer"] == rows["label"]) & (rows["radius"] >= certified["l2"])
        assert certified["accuracy"]["value"] == pytest.approx(float(right.mean()))
        assert certified["linf"] == pytest.approx(certified["l2"] / math.sqrt(3 * 32 * 32))

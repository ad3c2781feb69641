"""Claims about how many draws an attack averages ask for records with as many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.foundation.errors import BoardError
from bench.studies.claims.accuracy import AttackDifference
from bench.studies.claims.claim import read_claims
from bench.studies.claims.lab import Lab
from bench.studies.claims.running import statistic_of

SHIPPED = read_claims(Path(__file__).parents[4] / "leaderboards")


class FakeLab(Lab):
    """Rates that depend on the draws; remembers what was asked."""

    def rows(self, model: str, **asked: Any) -> pd.DataFrame:
        self.used.append(str(asked["eot"]))
        rates = {1: [0.5, 0.75, 1.0, 1.0], 10: [0.25, 0.5, 1.0, 0.5], None: [0.0, 0.0, 0.0, 0.5]}[asked["eot"]]
        return pd.DataFrame({"robust": rates})


def test_either_attack_averages_its_own_number_of_draws(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"attacks": ["pgd", "pgd"], "eps": "2/255", "n": 4}
    lab = FakeLab(tmp_path)
    found = AttackDifference(**fields, draws=[1, 10]).measure(["m"], lab)
    assert lab.used == ["1", "10"] and found.n == 4
    assert found.value == pytest.approx(np.mean([0.25, 0.25, 0, 0.5])) and found.low < found.value < found.high
    assert found.parts == {"pgd along training, draws: 1": 0.8125, "pgd along training, draws: 10": 0.5625}
    usual = AttackDifference(**fields).measure(["m"], FakeLab(tmp_path))
    assert usual.value == 0 and list(usual.parts) == ["pgd along training"]


@pytest.mark.parametrize("draws", [[1], [0, 10], [1, 2, 3]])
def test_numbers_of_draws_that_are_none(draws: list[int]) -> None:
    name = "camera_noise_single_draws"
    claim = SHIPPED[name]
    wrong = claim.model_copy(update={"protocol": claim.protocol | {"draws": draws}})
    with pytest.raises(BoardError, match=r"malformed \(draws"):
        statistic_of(name, wrong)

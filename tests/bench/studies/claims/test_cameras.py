"""Claims on adversarial training behind a camera: what decides them, and that they ask what the board asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.boards.store import open_board
from bench.evaluation.request.identity import folder_for
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings
from bench.studies.claims.claim import read_claims, verdict
from bench.studies.claims.lab import Lab
from bench.studies.claims.running import statistic_of
from zoo.card import card

BOARDS = Path(__file__).parents[4] / "leaderboards"
TWINS = {name: claim for name, claim in read_claims(BOARDS).items() if name.startswith("camera_adversarial_training_")}
BOARD = "spikecam-cifar10-linf/v1"


class StandIns(Lab):
    """Rates of a plain network that stands every third sample; of its twin, which stands the first ``better`` more often."""

    def __init__(self, out: Path, twin: str, better: int) -> None:
        super().__init__(out)
        self.twin, self.better = twin, better

    def rows(self, model: str, **asked: Any) -> pd.DataFrame:
        plain = [float(sample % 3 == 0) for sample in range(asked["n"])]
        raised = [min(1.0, rate + 0.6) if sample < self.better else rate for sample, rate in enumerate(plain)]
        lowered = [max(0.0, rate - 0.6) if sample < -self.better else rate for sample, rate in enumerate(plain)]
        robust = plain if model != self.twin else raised if self.better >= 0 else lowered
        return pd.DataFrame({"robust": robust, "clean_correct": 1.0, "noise_1": 1.0})


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(("better", "expected"), [(40, "reproduced"), (0, "inconclusive"), (-40, "not reproduced")])
def test_the_twin_has_to_stand_more_than_the_plain_network(name: str, better: int, expected: str, tmp_path: Path) -> None:
    claim = TWINS[name]
    measured = statistic_of(name, claim).measure(claim.models, StandIns(tmp_path, claim.models[0], better))
    assert verdict(claim.holds, measured.low, measured.high) == expected and measured.n == 75


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_differs_in_its_training_alone(name: str) -> None:
    twin, plain = map(card, TWINS[name].models)
    assert twin.builder == plain.builder and twin.dataset == plain.dataset
    assert (twin.defense.name, plain.defense.name) == ("adversarial_training", "none")
    assert twin.training.start in (None, plain.name)


def test_they_rest_on_the_records_of_the_board(tmp_path: Path) -> None:
    """What is asked of a model is the same request, so that filling the board leaves nothing to evaluate."""
    protocol, asked = open_board(BOARD, BOARDS).protocol(), []

    class Asking(Lab):
        def rows(self, model: str, **asked_for: Any) -> pd.DataFrame:
            asked.append(folder_for(resolve(Settings(model=f"zoo:{model}", **asked_for))))
            return StandIns(tmp_path, "nobody", 0).rows(model, **asked_for)

    name, claim = next(iter(TWINS.items()))
    statistic_of(name, claim).measure(claim.models, Asking(tmp_path))
    assert set(asked) == {folder_for(resolve(protocol.settings(f"zoo:{model}"))) for model in claim.models}

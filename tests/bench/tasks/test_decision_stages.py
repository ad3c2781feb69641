"""What the stages of an attack say together."""

from __future__ import annotations

from typing import Any

from attacks.base import Stage
from attacks.pgd import PGD
from bench.tasks.classification.stages import combined
from bench.tasks.classification.units import DecisionOutcome

FIRST, SECOND = Stage("first", PGD()), Stage("second", PGD())


def outcome(**given: list[Any]) -> DecisionOutcome:
    """What a stage found on row 4 and whatever else is given."""
    rows = given.pop("rows", [4])
    fields: dict[str, Any] = {
        "norm_value": 0.1,
        "adv_pred": 1,
        "robust": 0.5,
        "selection": 0.5,
        "robust_8bit": 0.5,
        "adv_sha256": "",
        "forwards": 3,
        "backwards": 2,
        "zero_gradients": 1,
        "margin": -1.0,
        "status": "ok",
        "unstable": False,
    }
    columns = {name: given.get(name, [value] * len(rows)) for name, value in fields.items()}
    return DecisionOutcome(rows=rows, seconds=1.0, **columns)


def test_all_that_is_reported_of_a_row_comes_from_the_stage_that_was_chosen() -> None:
    """Rates of a stochastic model are noisy: the lowest of several would flatter the attack, rounded to 8 bits or not."""
    found = combined(
        (FIRST, SECOND),
        [
            outcome(selection=[0.6], robust=[0.5], robust_8bit=[0.2]),
            outcome(selection=[0.4], robust=[0.7], robust_8bit=[0.8]),
        ],
    )
    assert (found.robust, found.robust_8bit, found.given_by, found.stage) == ([0.7], [0.8], [1], ["second"])
    assert (found.forwards, found.backwards, found.zero_gradients) == ([6], [4], [2])


def test_of_equal_stages_the_first_is_named_and_a_failure_is_remembered() -> None:
    found = combined((FIRST, SECOND), [outcome(selection=[1.0]), outcome(selection=[1.0], status=["nan"])])
    assert (found.stage, found.given_by, found.status) == ([""], [0], ["nan"])
    broken = combined((FIRST, SECOND), [outcome(selection=[1.0], status=["nan"]), outcome(selection=[0.0])])
    assert (broken.stage, broken.status) == (["second"], ["ok"])


def test_a_row_that_stands_keeps_its_smallest_margin() -> None:
    stages = [outcome(selection=[1.0], margin=[-0.2]), outcome(selection=[1.0], margin=[-0.5])]
    assert combined((FIRST, SECOND), stages).margin == [-0.2]

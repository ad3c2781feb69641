"""One result per radius and attack: the walk over an evaluation's rows that all tasks share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bench.tasks.results import WORST_CASE, AttackResult

if TYPE_CHECKING:
    import pandas as pd

    from attacks.base import Stage
    from bench.tasks.results import Results
    from bench.tasks.task import Request


class StageOfAttack(Protocol):
    """A task's result of one stage."""

    @property
    def seconds(self) -> float:
        """Wall time."""
        ...


S = TypeVar("S", bound=StageOfAttack)


def per_attack(
    request: Request,
    rows: pd.DataFrame,
    outcomes: Results,
    *,
    of_stage: Callable[[Stage, Sequence[Any]], S],
    of_rows: Callable[[pd.DataFrame, str, float, list[S]], AttackResult],
    worst_case: Callable[[pd.DataFrame], pd.DataFrame],
) -> list[AttackResult]:
    """One result per radius and attack, and per radius the worst case if there are several attacks.

    of_stage: from a stage and its outcomes. of_rows: from the rows of an attack, its spec, seconds and stages. worst_case:
    from the rows of all attacks at one radius, one row per sample. Raises what these raise.
    """
    results: list[AttackResult] = []
    for eps in request.eps:
        at_eps = rows[rows["eps"] == eps.value]
        for number, resolved in enumerate(request.attacks):
            stages = [
                of_stage(stage, outcomes.stage(number, eps.value, position))
                for position, stage in enumerate(request.stages[number])
            ]
            attack_rows = at_eps[at_eps["attack"] == resolved.spec]
            results.append(of_rows(attack_rows, resolved.spec, sum(stage.seconds for stage in stages), stages))
        if len(request.attacks) > 1:
            total = sum(result.seconds for result in results[-len(request.attacks) :])
            results.append(of_rows(worst_case(at_eps), WORST_CASE, total, []))
    return results

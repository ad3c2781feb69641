"""What tasks share whose outputs an attack moves and never breaks: the stages of an attack, and checks of what it moved.

Every stage runs on all samples. The size of an effect belongs to the task: a shift of a score, a loss in decibels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from attacks.base import Stage
from attacks.cascade import Cascade
from attacks.fitting import Traits
from bench.foundation.errors import SpecError
from bench.foundation.threats import threat_registry
from bench.tasks.checks import graded
from bench.tasks.results import AttackResult, Check

if TYPE_CHECKING:
    import pandas as pd

    from bench.metrics.statistics import Floats
    from bench.tasks.resolved_attack import ResolvedAttack

R = TypeVar("R", bound=AttackResult)


def stages_that_move(resolved: ResolvedAttack, norm: str, traits: Traits) -> tuple[Stage, ...]:
    """The stages of an attack on such a model, an unnamed one under the attack's own name; without directions.

    Raises ``SpecError`` for an attack set that is for classes only.
    """
    of_scores = replace(traits, scores=True)
    reason = resolved.attack.misfit_of_model(of_scores) if isinstance(resolved.attack, Cascade) else None
    if reason is not None:
        raise SpecError(f"{reason}.", "Use pgd, apgd, square, quick or standard.")
    stages = resolved.attack.stages(threat_registry.get(norm), of_scores)
    return tuple(replace(stage, name=stage.name or resolved.name) for stage in stages)


@dataclass(frozen=True, kw_only=True)
class Movement(Generic[R]):
    """How the effect of an attack is read off a result, for checks.

    what: is moved, in the plural. effect: its name in a sentence. by_attack, by_noise: its size in a result.
    noise: of which noise that is, in words. beyond_noise, beyond_radius: differences that are more than chance: by which
    noise does more than the attack, or a smaller radius more than a larger one.
    """

    what: str
    effect: str
    by_attack: Callable[[R], float]
    by_noise: Callable[[R], float]
    noise: str
    beyond_noise: float
    beyond_radius: float

    def checks(self, results: Sequence[R]) -> Iterator[Check]:
        """Whether attacks do at least what noise does, and more at a larger radius."""
        attacked = [result for result in strongest(results) if result.backwards]
        if attacked:
            yield self._against_noise(attacked)
        if len(attacked) > 1:
            yield self._radius(sorted(attacked, key=lambda result: result.eps))

    def _against_noise(self, attacked: Sequence[R]) -> Check:
        worst = max(self.by_noise(result) - self.by_attack(result) for result in attacked)
        says = (
            f"blind noise moves {self.what} farther than the attack"
            if worst > 0
            else f"the attack moves {self.what} at least as far as {self.noise}"
        )
        status = graded(worst, warn=0, fail=self.beyond_noise)
        return Check(name="against noise", status=status, value=worst, says=says)

    def _radius(self, curve: Sequence[R]) -> Check:
        fall = max(self.by_attack(earlier) - self.by_attack(later) for earlier, later in pairwise(curve))
        says = f"under {curve[0].attack}, the {self.effect} {'falls' if fall > 0 else 'grows'} with the radius"
        return Check(name="radius", status=graded(fall, warn=0, fail=self.beyond_radius), value=fall, says=says)


def strongest(results: Sequence[R]) -> list[R]:
    """The last result of each radius: the only attack, or the worst case over all attacks."""
    return list({result.eps: result for result in results}.values())


def by_group(samples: pd.DataFrame, column: str) -> Floats:
    """Values ``(G,)`` of a column, one per ``group`` in the order of their numbers; their mean is that of all samples.

    Samples of a group are not independent of each other, such as the versions of one photograph.
    """
    grouped = samples.groupby("group", sort=True)[column]
    weight = grouped.size() * grouped.ngroups / len(samples)
    return np.asarray(grouped.mean() * weight, dtype=np.float64)


def failed_rows(failed: int) -> Iterator[Check]:
    """A failure where an attack failed on some images."""
    if failed:
        says = f"an attack failed on {failed} images, which are left out of all figures"
        yield Check(name="failed", status="fail", value=failed, says=says)


def stability(unstable: int, samples: int, what: str) -> Check:
    """How many outputs changed between two scorings. what: they are, in the plural."""
    status = graded(unstable / samples, warn=0, fail=0.01)
    return Check(name="stability", status=status, value=unstable, says=f"{unstable} {what} changed between two scorings")

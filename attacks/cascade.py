"""A cascade: stages from cheap to costly, each on the samples that all before it left standing.

A sample counts as robust only if it survives every stage, so a stage can make the result stronger and never weaker. Every
stage inherits of each sample the best point that the stages before have reached, and may start from it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.fitting import Traits
from attacks.inheritance import Levels, Reached
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat


@dataclass(frozen=True)
class LeftOut:
    """A stage that cannot run here, and why: a sentence without its full stop."""

    stage: Stage
    reason: str


def fitting(
    stages: Sequence[Stage], threat: Threat, shape: Sequence[int], traits: Traits
) -> tuple[tuple[Stage, ...], tuple[LeftOut, ...]]:
    """The stages that can run under a threat, on inputs of a shape (without the batch) and on such a model; and the others.

    Both in the order of ``stages``.
    """
    reasons = [stage.attack.misfit(threat, shape, traits) for stage in stages]
    kept = tuple(stage for stage, reason in zip(stages, reasons, strict=True) if reason is None)
    left_out = tuple(LeftOut(stage, reason) for stage, reason in zip(stages, reasons, strict=True) if reason is not None)
    return kept, left_out


@dataclass(frozen=True, kw_only=True)
class Cascade(Attack):
    """Runs those of its :meth:`stages` that fit. An evaluator may run them itself, to verify and score between them.

    A subclass that has stages for models that score sets ``moves_scores``; on a score all of them are run on every sample.
    """

    moves_scores: ClassVar[bool] = False
    decisive: ClassVar[bool] = True
    """Whether it is meant for publication; a short set for development is not."""
    version: ClassVar[int | None] = None
    """Of the set, if it has one: ``NAME@VERSION`` in a spec."""

    @abstractmethod
    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """As in :meth:`Attack.stages <attacks.base.Attack.stages>`; for models that score, searches that need no classes."""

    def cost(self) -> tuple[int, int]:
        """Of all stages for linf and a spiking classifier with a code."""
        pairs = [stage.attack.cost() for stage in self.stages(Linf, Traits(spiking=True, coded=True))]
        return sum(forwards + 1 for forwards, _ in pairs), sum(backwards for _, backwards in pairs)

    def misfit(self, threat: Threat, shape: Sequence[int], traits: Traits) -> str | None:
        """Only where none of its stages fits."""
        reason = self.misfit_of_threat(threat) or self.misfit_of_model(traits)
        if reason is not None:
            return reason
        kept, left_out = fitting(self.stages(type(threat), traits), threat, shape, traits)
        reasons = dict.fromkeys(each.reason for each in left_out)
        return None if kept else f"No stage of {type(self).__name__} fits: {'; '.join(reasons)}"

    def misfit_of_model(self, traits: Traits) -> str | None:
        """A model that scores, where there are no stages for one."""
        if traits.scores and not self.moves_scores:
            return f"{type(self).__name__} has no stages for models that score"
        return None

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """The inputs ``(n, ...)`` of the stages that fit, run one after another.

        The oracle decides which samples still stand, and which stage moved a score farthest. See the base.
        """
        self.require_fit(oracle, x, threat)
        traits = oracle.traits
        stages, _ = fitting(self.stages(type(threat), traits), threat, x.shape[1:], traits)
        best, handed_down = x.clone(), Reached.nothing(x)
        moved = torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
        standing = torch.arange(len(x), device=x.device)
        asking = oracle if traits.scores else oracle.using(objective=Margin())
        for number, stage in enumerate(stages):
            if not len(standing):
                break
            of_rows = oracle.subset(standing, path=stage.path).inheriting(handed_down.points[standing] if number else None)
            streams = rng.rows(standing).fold("stage", number)
            adv = stage.attack.perturb(of_rows, x[standing], threat.rows(standing), rng=streams)
            answer = asking.query(adv, standing, grad=False)
            # A classifier's sample that stands may keep the input of any stage: the last one's is kept.
            better = (answer.value > moved[standing]) | (not traits.scores)
            best[standing[better]] = adv[better]
            moved[standing[better]] = answer.value[better]
            nearer = handed_down.better(answer.value, standing)
            levels = Levels.of(adv[nearer], x[standing[nearer]])
            handed_down.take(levels, answer.value[nearer], standing[nearer], x, threat)
            standing = standing[~answer.broken]
        return best

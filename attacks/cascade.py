"""A cascade: stages from cheap to costly, each on the samples that all before it left standing.

A sample counts as robust only if it survives every stage, so a stage can make the result stronger and never weaker.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.score_objectives import Scoring
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class Cascade(Attack):
    """Runs :meth:`stages`. An evaluator may run them itself, to verify and score between them."""

    decisive: ClassVar[bool] = True
    """Whether it is meant for publication; a short set for development is not."""

    @abstractmethod
    def stages(self, *, spiking: bool, threat: type[Threat], coded: bool = False) -> tuple[Stage, ...]: ...

    def score_stages(self, *, threat: type[Threat]) -> tuple[Stage, ...]:
        """What is run on a model that scores: none of it for classes, and all of it on every sample.

        Raises ``ValueError`` if the cascade is for classes only.
        """
        raise ValueError(f"{type(self).__name__} has no stages for models that score")

    def cost(self) -> tuple[int, int]:
        pairs = [stage.attack.cost() for stage in self.stages(spiking=True, threat=Linf, coded=True)]
        return sum(forwards + 1 for forwards, _ in pairs), sum(backwards for _, backwards in pairs)

    def check_scores(self) -> None:
        self.score_stages(threat=Linf)

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """As the stages one by one, with the oracle's word for what still stands, and for what moved a score farthest."""
        self.check(threat)
        self.check_task(oracle)
        scores = isinstance(oracle.objective, Scoring)
        if scores:
            stages = self.score_stages(threat=type(threat))
        else:
            stages = self.stages(spiking=oracle.spiking, threat=type(threat), coded=oracle.coded)
        best = x.clone()
        reached = torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
        standing = torch.arange(len(x), device=x.device)
        for number, stage in enumerate(stages):
            if not len(standing):
                break
            asked = oracle.subset(standing, path=stage.path)
            streams = rng.rows(standing).fold("stage", number)
            found = stage.attack.perturb(asked, x[standing], threat.rows(standing), rng=streams)
            answer = oracle.query(found, standing, grad=False)
            # Of a class that stands, the last stage's input is as good as any.
            taken = (answer.value > reached[standing]) | (not scores)
            best[standing[taken]] = found[taken]
            reached[standing[taken]] = answer.value[taken]
            standing = standing[~answer.broken]
        return best

"""The judge of models that score: it measures how far the score moves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.lattice import EightBit, Lattice
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.score_objectives import Increase
from attacks.threats.threat import Threat
from bench.foundation.spec import Eps
from bench.foundation.threats import threat_at
from bench.models.memory import inconstant
from bench.models.scorer import Scorer
from bench.tasks.feasibility import norms, sha256_rows, with_clean_instead
from bench.tasks.judge import Shard, noisy
from bench.tasks.quality.units import CleanScores, ScoreOutcome
from bench.tasks.unit import NoiseAnswers, no_costs

SAME_SCORE = 1e-4
"""Largest difference of two equal scores of one image, in units of the score range. Other batch shapes move the scores of
the zoo by less than 1e-6."""


@dataclass(frozen=True)
class Scores:
    """Judges scores.

    scorer: its scores are ``(n,)``, higher meaning better. width: of the score range. micro_batch: another batch size, in
    which scores are repeated. lattice: the values that noise may take.
    """

    scorer: Scorer
    norm: str
    width: float
    micro_batch: int
    lattice: Lattice

    @property
    def objective(self) -> Objective:
        """Raise the score."""
        return Increase()

    def clean(self, shard: Shard) -> CleanScores:
        """Clean scores, computed twice, and the l1 norm of their gradient (None where it is not finite).

        Raises ``ModelError`` if more than 1% of the scores change.
        """
        started = time.perf_counter()
        scores = self.scorer.scores(shard.x)
        changed = self._differ(scores, self.scorer.scores(shard.x))
        if int(changed.sum()) > 0.01 * len(changed):
            says = f"{self.scorer.name} changed its score of {int(changed.sum())} of {len(changed)} images"
            fix = "Make it deterministic: models that score at random cannot be evaluated."
            raise inconstant(says, self.scorer.model, self.scorer.scores, shard.x, by_chance=fix)
        return CleanScores(
            sample=shard.ids,
            label=shard.labels.tolist(),
            clean=scores.tolist(),
            clean_unstable=changed.tolist(),
            gradient_l1=self._gradient_l1(shard.x),
            seconds=time.perf_counter() - started,
        )

    def ready(self, shard: Shard, clean: CleanScores) -> Shard:
        """The shard with the clean scores as its reference."""
        return replace(shard, reference=torch.tensor(clean.clean, device=shard.x.device))

    def noise(self, shard: Shard, clean: CleanScores, eps: Eps, draws: int) -> NoiseAnswers:
        """Scores under uniform noise: under the first draw, and after every draw the score farthest from the clean score."""
        started = time.perf_counter()
        threat = threat_at(self.norm, eps.value)
        reference = torch.tensor(clean.clean, device=shard.x.device)
        worst = reference.clone()
        history = []
        for k in range(draws):
            rng = shard.rng.fold("noise", k)
            scores = self.scorer.scores(noisy(shard.x, threat, rng, self.lattice))
            farther = (scores - reference).abs() > (worst - reference).abs()
            worst = torch.where(farther, scores, worst)
            history.append(worst)
        farthest = torch.stack(history, 1).tolist()
        return NoiseAnswers(first=history[0].tolist(), worst=farthest, seconds=time.perf_counter() - started)

    def standing(self, clean: CleanScores, done: Sequence[ScoreOutcome]) -> list[int]:
        """All positions, at every stage: a score is moved, never broken."""
        return list(range(len(clean.sample)))

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> ScoreOutcome:
        """The outcome of inputs ``adv`` for clean inputs ``x``, ``(m, ...)`` each, and clean scores ``reference`` ``(m,)``.

        An input outside of ball or box is replaced by the clean input.
        """
        status, judged = with_clean_instead(adv, x, threat)
        scores = self.scorer.scores(judged)
        repeated = self.scorer.scores(judged, batch=self.micro_batch)
        rounded = self.scorer.scores(EightBit().towards_clean(judged, x))
        return ScoreOutcome(
            rows=rows,
            status=status,
            norm_value=norms(judged, x, threat).tolist(),
            shift=(scores - reference).tolist(),
            shift_8bit=(rounded - reference).tolist(),
            unstable=self._differ(scores, repeated).tolist(),
            adv_sha256=sha256_rows(judged),
            **no_costs(len(rows)),
        )

    def _differ(self, scores: Tensor, repeated: Tensor) -> Tensor:
        return (scores - repeated).abs() > SAME_SCORE * self.width

    def _gradient_l1(self, x: Tensor) -> list[float | None]:
        """l1 norm of the input gradient per image; None where it is not finite or the model has no gradient."""
        sizes: list[float | None] = []
        for part in x.split(self.micro_batch):
            leaf = part.clone().requires_grad_()
            scores = self.scorer.model(leaf)
            if not scores.requires_grad:
                sizes += [None] * len(part)
                continue
            (gradient,) = torch.autograd.grad(scores.sum(), leaf)
            sizes += [size if finite(size) else None for size in gradient.flatten(1).abs().sum(1).tolist()]
        return sizes


def finite(value: float) -> bool:
    """Whether a value is finite, so that a record may hold it."""
    return -float("inf") < value < float("inf")

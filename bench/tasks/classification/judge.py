"""The judge of models that decide: is the label still right?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.lattice import EightBit, Lattice
from attacks.objectives import CrossEntropy, Objective
from attacks.randomness import KeyedRng
from attacks.rows import per_row
from attacks.threats.threat import Threat
from bench.foundation.errors import ModelError
from bench.foundation.spec import Eps
from bench.foundation.threats import threat_at
from bench.models.scorer import Scorer
from bench.tasks.classification.units import CleanDecisions, DecisionOutcome
from bench.tasks.feasibility import norms, sha256_rows, statuses
from bench.tasks.judge import Shard, noisy
from bench.tasks.unit import NoiseAnswers, no_costs


@dataclass(frozen=True)
class Decisions:
    """micro_batch: another batch size, in which decisions that stand are asked for again. lattice: of noise."""

    scorer: Scorer
    norm: str
    stochastic: bool
    micro_batch: int
    lattice: Lattice

    @property
    def objective(self) -> Objective:
        return CrossEntropy()

    def clean(self, shard: Shard) -> CleanDecisions:
        """Clean decisions, twice: a model that changes its mind without saying so is refused."""
        began = time.perf_counter()
        rng = shard.rng.fold("clean")
        decisions = self.scorer.decisions(shard.x, rng)
        again = self.scorer.decisions(shard.x, rng)
        # Two calls of a stochastic model may differ: its rates are the answer, and nothing is unstable.
        changed = (decisions != again).any(0) & (not self.stochastic)
        if int(changed.sum()) > 0.01 * len(changed):
            raise ModelError(
                f"{self.scorer.name} changed its decision on {int(changed.sum())} of {len(changed)} samples "
                "between two identical calls.",
                "If it is random by design, say so with --stochastic (or `stochastic = True` on the module).",
            )
        correct = (decisions == shard.labels).float().mean(0)
        correct[changed] = 0.0
        return CleanDecisions(
            sample=shard.ids,
            label=shard.labels.tolist(),
            clean_pred=decisions[0].tolist(),
            clean_correct=correct.tolist(),
            clean_unstable=changed.tolist(),
            seconds=time.perf_counter() - began,
        )

    def ready(self, shard: Shard, clean: CleanDecisions) -> Shard:
        return shard

    def noise(self, shard: Shard, clean: CleanDecisions, eps: Eps, draws: int) -> NoiseAnswers:
        """Per sample, the rate of correct decisions under uniform noise: under one draw, and cumulatively worst.

        ``first`` is that of draw 0 alone, of samples that are wrong without noise too. ``worst[k]`` is the lowest rate among
        no noise and draws 0..k; a sample leaves once it has reached 0.
        """
        began = time.perf_counter()
        worst = torch.tensor(clean.clean_correct, device=shard.x.device)
        first = self._under_noise(shard, torch.arange(len(worst), device=worst.device), eps, 0)
        worst = torch.minimum(worst, first)
        history = [worst]
        for k in range(1, draws):
            rows = (worst > 0).nonzero()[:, 0]
            if len(rows):
                rates = self._under_noise(shard, rows, eps, k)
                worst = worst.index_copy(0, rows, torch.minimum(worst[rows], rates))
            history.append(worst)
        cumulative = torch.stack(history, 1).tolist()
        return NoiseAnswers(first=first.tolist(), worst=cumulative, seconds=time.perf_counter() - began)

    def _under_noise(self, shard: Shard, rows: Tensor, eps: Eps, draw: int) -> Tensor:
        """Rate of correct decisions ``(n,)`` on ``rows`` of the shard under one draw."""
        rng = shard.rng.fold("noise", draw).rows(rows)
        drawn = noisy(shard.x[rows], threat_at(self.norm, eps.value), rng, self.lattice)
        return (self.scorer.decisions(drawn, rng) == shard.labels[rows]).float().mean(0)

    def standing(self, clean: CleanDecisions, done: Sequence[DecisionOutcome]) -> list[int]:
        """Those that are right without an attack and that no stage so far has broken entirely."""
        left = {row for row, rate in enumerate(clean.clean_correct) if rate > 0}
        for outcome in done:
            left -= {row for row, rate in zip(outcome.rows, outcome.selection, strict=True) if rate == 0}
        return sorted(left)

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> DecisionOutcome:
        """An input outside ball or box is no adversarial example: its row stands, undecided."""
        if not rows:
            return DecisionOutcome.nothing()
        status = statuses(adv, x, threat)
        usable = torch.tensor([word == "ok" for word in status], device=x.device)
        judged = torch.where(per_row(usable, x), adv, x)
        decisions = self.scorer.decisions(judged, rng)
        robust = selection = (decisions == reference).float().mean(0)
        if self.stochastic:  # what is reported must not be what was chosen by
            robust = (self.scorer.decisions(judged, rng.fold("report")) == reference).float().mean(0)
        unstable = torch.zeros_like(usable)
        left = (robust > 0).nonzero()[:, 0]
        if len(left) and not self.stochastic:
            # In other company, in other batches: a decision that depends on these is no robust one.
            again = self.scorer.decisions(judged[left], rng.rows(left), batch=self.micro_batch)
            unstable[left] = (again != decisions[:, left]).any(0)
        robust[unstable] = 0.0  # of a deterministic model; there, selection is the same tensor
        robust_8bit = robust.clone()
        fallen = (robust < 1).nonzero()[:, 0]
        if len(fallen):
            rounded = EightBit().towards_clean(judged[fallen], x[fallen])
            decided = self.scorer.decisions(rounded, rng.rows(fallen).fold("8 bit"))
            robust_8bit[fallen] = (decided == reference[fallen]).float().mean(0)
        return DecisionOutcome(
            rows=rows,
            status=status,
            norm_value=norms(judged, x, threat).tolist(),
            adv_pred=decisions[0].tolist(),
            robust=robust.tolist(),
            selection=selection.tolist(),
            robust_8bit=robust_8bit.tolist(),
            unstable=unstable.tolist(),
            adv_sha256=sha256_rows(judged),
            **no_costs(len(rows)),
        )

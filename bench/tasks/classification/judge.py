"""The judge of models that decide: it checks whether the decision is still the label."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.lattice import EightBit, Lattice
from attacks.objectives import CrossEntropy, Margin, Objective
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.foundation.spec import Eps
from bench.foundation.threats import threat_at
from bench.models.memory import inconstant
from bench.models.scorer import Scorer
from bench.tasks.classification.units import CleanDecisions, DecisionOutcome
from bench.tasks.feasibility import norms, sha256_rows, with_clean_instead
from bench.tasks.judge import Shard, noisy
from bench.tasks.unit import NoiseAnswers, no_costs


@dataclass(frozen=True)
class Decisions:
    """Judges decisions.

    micro_batch: another batch size, in which standing decisions are repeated. lattice: the values that noise may take.
    """

    scorer: Scorer
    norm: str
    stochastic: bool
    micro_batch: int
    lattice: Lattice

    @property
    def objective(self) -> Objective:
        """Cross-entropy."""
        return CrossEntropy()

    def clean(self, shard: Shard) -> CleanDecisions:
        """Clean decisions; made twice, unless the scorer is exact or the model stochastic.

        Raises ``ModelError`` for a model that is not declared stochastic and changes more than 1% of its decisions.
        """
        started = time.perf_counter()
        rng = shard.rng.fold("clean")
        decisions = self.scorer.decisions(shard.x, rng)
        changed = torch.zeros_like(shard.labels, dtype=torch.bool)
        if self._may_waver:
            changed = (decisions != self.scorer.decisions(shard.x, rng)).any(0)
        if int(changed.sum()) > 0.01 * len(changed):
            says = f"{self.scorer.name} changed its decision on {int(changed.sum())} of {len(changed)} samples"
            raise inconstant(says, self.scorer.model, self.scorer.logits, shard.x)
        correct = (decisions == shard.labels).float().mean(0)
        correct[changed] = 0.0
        return CleanDecisions(
            sample=shard.ids,
            label=shard.labels.tolist(),
            clean_pred=decisions[0].tolist(),
            clean_correct=correct.tolist(),
            clean_unstable=changed.tolist(),
            seconds=time.perf_counter() - started,
        )

    @property
    def _may_waver(self) -> bool:
        """Whether another call or batch may change a decision where none should.

        Two calls of a stochastic model may differ: its rates are the answer.
        """
        return not (self.stochastic or self.scorer.exact)

    def ready(self, shard: Shard, clean: CleanDecisions) -> Shard:
        """The shard as it is: its reference is its labels."""
        return shard

    def noise(self, shard: Shard, clean: CleanDecisions, eps: Eps, draws: int) -> NoiseAnswers:
        """Per sample, the rate of correct decisions under uniform noise: under one draw, and cumulatively worst.

        ``first`` is the rate of draw 0 alone, also of samples that are wrong without noise. ``worst[k]`` is the lowest rate
        without noise and under draws 0..k; a sample whose rate is 0 gets no further draws.
        """
        started = time.perf_counter()
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
        return NoiseAnswers(first=first.tolist(), worst=cumulative, seconds=time.perf_counter() - started)

    def _under_noise(self, shard: Shard, rows: Tensor, eps: Eps, draw: int) -> Tensor:
        """Rate of correct decisions ``(n,)`` on ``rows`` of the shard under one draw."""
        rng = shard.rng.fold("noise", draw).rows(rows)
        noisy_inputs = noisy(shard.x[rows], threat_at(self.norm, eps.value), rng, self.lattice)
        return (self.scorer.decisions(noisy_inputs, rng) == shard.labels[rows]).float().mean(0)

    def standing(self, clean: CleanDecisions, done: Sequence[DecisionOutcome]) -> list[int]:
        """Positions of samples that are right without an attack and that no stage so far has broken entirely."""
        positions = {row for row, rate in enumerate(clean.clean_correct) if rate > 0}
        for outcome in done:
            positions -= {row for row, rate in zip(outcome.rows, outcome.selection, strict=True) if rate == 0}
        return sorted(positions)

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> DecisionOutcome:
        """The outcome of adversarial inputs ``adv`` for clean inputs ``x``, ``(m, ...)`` each, and labels ``reference``
        ``(m,)``.

        An input outside of ball or box is no adversarial example: its row stands, undecided.
        """
        if not rows:
            return DecisionOutcome.nothing()
        status, judged = with_clean_instead(adv, x, threat)
        logits = self.scorer.drawn(judged, rng)
        decisions = logits.argmax(2)
        robust = selection = (decisions == reference).float().mean(0)
        if self.stochastic:  # the reported rate must come from other draws than the selection
            robust = (self.scorer.decisions(judged, rng.fold("report")) == reference).float().mean(0)
        unstable = torch.zeros(len(rows), dtype=torch.bool, device=x.device)
        standing = (robust > 0).nonzero()[:, 0]
        if len(standing) and self._may_waver:
            # A decision that changes with the batch does not count as robust.
            repeated = self.scorer.decisions(judged[standing], rng.rows(standing), batch=self.micro_batch)
            unstable[standing] = (repeated != decisions[:, standing]).any(0)
        robust[unstable] = 0.0  # only of deterministic models, whose selection is the same tensor
        robust_8bit = robust.clone()
        fallen = (robust < 1).nonzero()[:, 0]
        if len(fallen):
            rounded = EightBit().towards_clean(judged[fallen], x[fallen])
            rounded_decisions = self.scorer.decisions(rounded, rng.rows(fallen).fold("8 bit"))
            robust_8bit[fallen] = (rounded_decisions == reference[fallen]).float().mean(0)
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
            margin=_margins(logits, reference).tolist(),
            **no_costs(len(rows)),
        )


def _margins(logits: Tensor, labels: Tensor) -> Tensor:
    """By how much another class leads the label, ``(n,)``, in the mean over the draws of ``logits`` ``(draws, n, K)``."""
    return torch.stack([Margin().value(drawn, labels, None) for drawn in logits]).mean(0)

"""Results of the units of a model that decides."""

from __future__ import annotations

from dataclasses import dataclass

from bench.tasks.unit import CleanAnswers, StageOutcome


@dataclass(frozen=True, kw_only=True)
class CleanDecisions(CleanAnswers):
    """Clean decisions on a shard of n samples.

    clean_pred: first decision. clean_correct: rate of right decisions, 0 or 1 unless the model is stochastic.
    """

    clean_pred: list[int]
    clean_correct: list[float]


@dataclass(frozen=True, kw_only=True)
class DecisionOutcome(StageOutcome):
    """The outcome of one stage for the decisions on m rows.

    adv_pred: decision on the adversarial input. robust: reported rate of right decisions. selection: rate by which the
    worst of several stages is chosen, from other draws of a stochastic model. robust_8bit: rate after rounding.
    """

    adv_pred: list[int]
    robust: list[float]
    selection: list[float]
    robust_8bit: list[float]

    @classmethod
    def nothing(cls) -> DecisionOutcome:
        """The outcome of a stage that had no rows left."""
        return cls(
            rows=[],
            status=[],
            norm_value=[],
            unstable=[],
            adv_sha256=[],
            forwards=[],
            backwards=[],
            zero_gradients=[],
            adv_pred=[],
            robust=[],
            selection=[],
            robust_8bit=[],
            seconds=0.0,
        )

"""Finished units by their keys, and the parts that records of every task have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict

from bench.tasks.unit import CleanAnswers, NoiseAnswers, StageOutcome, UnitKey, UnitResult, clean_key, noise_key, stage_key

if TYPE_CHECKING:
    from bench.metrics.statistics import Estimate

WORST_CASE = "worst case"
"""Used in place of an attack's spec for the per-sample worst case over all attacks."""


class Strict(BaseModel):
    """A model of a record: no unknown fields, no change, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Interval(Strict):
    """A value with its 95% interval."""

    value: float
    """Point estimate."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Number of samples."""

    @classmethod
    def of(cls, estimate: Estimate) -> Interval:
        """The interval of an estimate."""
        return cls(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)


@dataclass(frozen=True)
class Point:
    """One attack at one radius, for a plot and for a line of text.

    axis: name of the figure, with its unit. factor: from the intervals to this unit. form: format of a value in this unit.
    clean: without perturbation; None where the figure is 0 then.
    """

    axis: str
    factor: float
    form: str
    clean: Interval | None
    noise: Interval
    attacked: Interval

    @property
    def text(self) -> str:
        """The figure under the attack."""
        return f"{self.attacked.value * self.factor:{self.form}}"


class AttackResult(Strict):
    """The part of an attack's result at one radius that all tasks share. Subclasses add the measured figures."""

    attack: str
    """Spec of the attack, or ``worst case`` for the per-sample worst over all of them."""
    eps: float
    """Radius in input units."""
    eps_text: str
    """Radius as given."""
    noise_draws: int
    """K = min(forwards of the attack, 100)."""
    unstable: int
    """Samples whose answer differed between two scorings."""
    forwards: float
    """Mean forward passes per attacked sample."""
    backwards: float
    """Mean backward passes per attacked sample."""
    zero_gradients: float = 0.0
    """Share of gradient queries answered by zeros everywhere."""
    seconds: float
    """Wall time of this attack."""

    @property
    def point(self) -> Point | None:
        """What a plot shows of it; None for a task that has nothing to show."""
        return None


class Check(Strict):
    """One check of the trustworthiness of a number."""

    name: str
    """Short key."""
    status: Literal["pass", "warn", "bound", "fail"]
    """``fail`` makes a record unreliable, ``bound`` an upper bound whatever the attack, ``warn`` is a remark."""
    value: float
    """The figure that decides the status."""
    says: str
    """One sentence."""


class Reliability(Strict):
    """The verdict on whether the numbers can be believed."""

    status: Literal["reliable", "reliable_with_remarks", "upper_bound", "unreliable"]
    """``unreliable``: a check failed. ``upper_bound``: none did, but the attack is weaker than ``standard``, or something
    was out of its control. Otherwise, under ``standard`` or ``thorough``, ``reliable_with_remarks`` where a check has a
    remark, and ``reliable`` where none has. In records before schema 5 ``reliable`` may have remarks."""
    reasons: list[str]
    """Reasons of the status, in words; remarks with their figures."""
    checks: list[Check] = []
    """All checks."""

    @property
    def grade(self) -> str:
        """The status in words."""
        return in_words(self.status)


def in_words(status: str) -> str:
    """A status of :class:`Reliability` as people read it: ``upper_bound`` is an upper bound."""
    return status.replace("_", " ")


class Results(Mapping[UnitKey, UnitResult]):
    """All finished units of a request. shards: number of shards."""

    def __init__(self, units: Mapping[UnitKey, UnitResult], shards: int) -> None:
        self._units = units
        self.shards = shards

    def __getitem__(self, key: UnitKey) -> UnitResult:
        return self._units[key]

    def __iter__(self) -> Iterator[UnitKey]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)

    def clean(self, shard: int) -> CleanAnswers:
        """Clean answers on a shard."""
        return cast(CleanAnswers, self[clean_key(shard)])

    def noise(self, eps: float, shard: int) -> NoiseAnswers:
        """Answers under noise of radius ``eps`` on a shard."""
        return cast(NoiseAnswers, self[noise_key(eps, shard)])

    def stages(self, attack: int, eps: float, shard: int, stages: int) -> list[Any]:
        """The outcomes of the ``stages`` stages of an attack on a shard, in order."""
        return [self[stage_key(attack, eps, shard, stage)] for stage in range(stages)]

    def stage(self, attack: int, eps: float, stage: int) -> list[Any]:
        """The outcomes of one stage on all shards, in order."""
        return [self[stage_key(attack, eps, shard, stage)] for shard in range(self.shards)]


def mean_costs(outcomes: Sequence[StageOutcome]) -> dict[str, float]:
    """Mean passes per sample attempted, share of zero gradients and seconds of one stage, over all shards."""
    attempted = max(sum(len(outcome.rows) for outcome in outcomes), 1)
    backwards = sum(sum(outcome.backwards) for outcome in outcomes)
    zero = sum(sum(outcome.zero_gradients) for outcome in outcomes)
    return {
        "forwards": sum(sum(outcome.forwards) for outcome in outcomes) / attempted,
        "backwards": backwards / attempted,
        "zero_gradients": zero / backwards if backwards else 0.0,
        "seconds": sum(outcome.seconds for outcome in outcomes),
    }

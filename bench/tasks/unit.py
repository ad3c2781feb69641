"""Units of an evaluation: one piece of work on one shard of samples, identified by a key.

A unit is computed from the request, its key, and the results of the units it needs, and from nothing else. So a journal can
store it and another process can compute it without changing a bit of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from attacks.objectives import Objective

Kind = Literal["clean", "noise", "attack"]


@dataclass(frozen=True)
class UnitKey:
    """Identifies a unit.

    kind: clean answers, answers under noise, or one stage of an attack. shard: number of the shard of samples.
    eps: radius in input units, of noise and attacks. attack: its number in the request. stage: its number in the attack.
    """

    kind: Kind
    shard: int
    eps: float | None = None
    attack: int | None = None
    stage: int | None = None

    @property
    def text(self) -> str:
        """The key in journals and file names: ``clean/SHARD``, ``noise/EPS/SHARD``, ``attack/NUMBER/EPS/SHARD/STAGE``."""
        if self.kind == "clean":
            return f"clean/{self.shard}"
        if self.kind == "noise":
            return f"noise/{self.eps!r}/{self.shard}"
        return f"{self.attack_text}/{self.stage}"

    @property
    def attack_text(self) -> str:
        """The attack on the shard, all of its stages together: ``attack/NUMBER/EPS/SHARD``."""
        return f"attack/{self.attack}/{self.eps!r}/{self.shard}"


def clean_key(shard: int) -> UnitKey:
    """Clean answers on a shard."""
    return UnitKey("clean", shard)


def noise_key(eps: float, shard: int) -> UnitKey:
    """Answers under noise of radius ``eps`` on a shard."""
    return UnitKey("noise", shard, eps)


def stage_key(attack: int, eps: float, shard: int, stage: int) -> UnitKey:
    """One stage of an attack at radius ``eps`` on a shard."""
    return UnitKey("attack", shard, eps, attack, stage)


@dataclass(frozen=True, kw_only=True)
class UnitResult:
    """The part of a result that all units share. seconds: wall time. machine: description of the computing machine."""

    seconds: float
    machine: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields in a form that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The result whose fields :meth:`to_json` returned. Raises ``TypeError`` or ``ValueError`` for other data."""
        known = {each.name for each in fields(cls)}
        if not isinstance(data, Mapping) or not set(data) <= known:
            raise ValueError(f"these are not the fields of a {cls.__name__}")
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class CleanAnswers(UnitResult):
    """Clean answers on a shard of n samples, as lists of length n.

    sample: ids. label: labels. clean_unstable: whether two identical calls gave different answers.
    """

    sample: list[int]
    label: list[Any]
    clean_unstable: list[bool]


@dataclass(frozen=True, kw_only=True)
class NoiseAnswers(UnitResult):
    """Answers under random noise of one radius on a shard of n samples.

    first: ``(n,)``, under the first draw alone. worst: ``(n, draws)``, the worst answer among the first draws.
    """

    first: list[float]
    worst: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class StageOutcome(UnitResult):
    """The outcome of one stage of an attack on m rows of a shard, as lists of length m.

    rows: positions in the shard. status: ``ok``, ``attack_error``, ``nan_gradient``, ``out_of_ball`` or ``out_of_box``.
    norm_value: size of the perturbation. unstable: whether the answer differed between two scorings.
    forwards, backwards: passes spent. zero_gradients: backward passes whose gradient was zero everywhere.
    adv_sha256: first digits of the hash of each adversarial input. failure: the first error, in words.
    margin: how far each row is from being broken, negative while it stands; empty for a task without margins.
    handed_down: per row the text of the point that later stages inherit (:mod:`bench.tasks.inheritance`), empty for a row
        that has fallen or has a better one; an empty list where no later stage inherits.
    """

    rows: list[int]
    status: list[str]
    norm_value: list[float]
    unstable: list[bool]
    adv_sha256: list[str]
    forwards: list[int]
    backwards: list[int]
    zero_gradients: list[int]
    failure: str | None = None
    margin: list[float] = field(default_factory=list)
    handed_down: list[str] = field(default_factory=list)

    def headway(self, objective: Objective | None) -> list[float]:
        """How near each row is to the goal of a stage with this objective, the larger the nearer; empty if nobody can say.

        By it later stages with the same objective inherit each row's best point.
        """
        return self.margin


COSTS = ("forwards", "backwards", "zero_gradients")
"""Columns of a :class:`StageOutcome` that are summed over stages."""


def no_costs(rows: int) -> dict[str, Any]:
    """Cost fields, all zero, of an outcome on ``rows`` rows."""
    return {name: [0] * rows for name in COSTS} | {"seconds": 0.0}

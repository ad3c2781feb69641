"""The contract of an attack: a frozen configuration with one method.

An attack is a search rule and nothing else. Counting queries, averaging over random draws, gradient paths and the access
that it is allowed belong to the oracle. Ball and box are the threat's, and are verified again by whoever scores the result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal, Self

from torch import Tensor

from attacks.fitting import Traits
from attacks.gradients.base import GradientPath
from attacks.objectives import Objective
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.resources import Parameters, Resources
from attacks.threats.threat import Threat, ThreatKinds

Access = Literal["none", "white-box", "score", "decision"]
Kind = Literal["budget", "minimal"]


@dataclass(frozen=True)
class Stage:
    """One search of a cascade: an attack, and the gradient path it goes along.

    name: shown where a record says what broke a sample. path, objective: None for the oracle's own.
    """

    name: str
    attack: Attack
    path: GradientPath | None = None
    objective: Objective | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Base of all attacks. Parameters are dataclass fields, so a spec can name them."""

    threats: ClassVar[ThreatKinds] = (Threat,)
    """Kinds of threat under which it can work; with a name each."""
    access: ClassVar[Access] = "white-box"
    kind: ClassVar[Kind] = "budget"
    batch_invariant: ClassVar[bool] = True
    moves_scores: ClassVar[bool] = True
    """Whether it also works on a model that scores; False where it needs classes."""
    inherits: ClassVar[bool] = False
    """Whether it may start from :attr:`Oracle.inherited <attacks.oracle.Oracle.inherited>`."""

    @abstractmethod
    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """Perturbed inputs ``(n, ...)`` for clean inputs ``x`` ``(n, ...)``.

        oracle: answers for the rows ``0 .. n-1`` of ``x``. rng: one random stream per row of ``x``.
        Never touches the model's parameters, buffers, mode or ``.grad``, nor global random state.
        Raises ``ValueError`` where :meth:`misfit` has a reason.
        """

    @abstractmethod
    def cost(self) -> tuple[int, int]:
        """(forwards, backwards) spent on a sample that survives everything."""

    @classmethod
    def from_spec(cls, params: Mapping[str, str], resources: Resources[Attack]) -> tuple[Self, Parameters]:
        """The attack of a spec, and what goes on record of it. params: of the spec, as text.

        By default the parameters are the fields of the dataclass. An attack that needs more than text can say, such as a
        model or images, overrides this and :meth:`recorded`. Raises ``ValueError`` for a configuration that makes no sense.
        """
        attack = resources.bind(cls, params)
        return attack, Parameters.of(attack, params)

    def recorded(self, resources: Resources[Attack]) -> Parameters:
        """What goes on record of an attack that was configured in Python; what differs from its default counts as passed."""
        changed = [f.name for f in fields(self) if f.init and getattr(self, f.name) != f.default]
        return Parameters.of(self, changed)

    def knowing(self, probe: Tensor) -> Self:
        """This attack after a look at a few real inputs ``(n, ...)``, before anything is attacked; mostly as it is.

        An attack that holds networks of others finds out here what it must know of them, from the same inputs whatever
        samples it is given later. Raises ``ValueError`` if it could not do what was asked.
        """
        return self

    @property
    def parts(self) -> tuple[Attack, ...]:
        """Other attacks that this one runs, apart from its stages."""
        return ()

    def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
        """What is run one after another, each on the samples that the ones before left standing; mostly itself alone.

        kind: of threat. A stage need not fit: see :func:`attacks.cascade.fitting`.
        """
        return (Stage("", self),)

    def misfit(self, threat: Threat, shape: Sequence[int], traits: Traits) -> str | None:
        """Why the attack cannot work, as a sentence without its full stop; None where it can.

        threat: of any radius. shape: of one input, without the batch. traits: of the model.
        """
        return self.misfit_of_threat(threat) or self.misfit_of_shape(shape) or self.misfit_of_model(traits)

    def misfit_of_threat(self, threat: Threat) -> str | None:
        """As :meth:`misfit`, for the threat alone."""
        if isinstance(threat, self.threats):
            return None
        return f"{type(self).__name__} attacks in {' and '.join(kind.name for kind in self.threats)}, not in {threat.name}"

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """As :meth:`misfit`, for the shape of an input alone."""
        return None

    def misfit_of_model(self, traits: Traits) -> str | None:
        """As :meth:`misfit`, for the model alone."""
        if traits.scores and not self.moves_scores:
            return f"{type(self).__name__} looks for a change of class, and a score has none"
        if self.access == "white-box" and not traits.differentiable:
            return f"{type(self).__name__} follows gradients, and this model has none"
        return None

    def require_fit(self, oracle: Oracle, x: Tensor, threat: Threat) -> None:
        """Raise ``ValueError`` if :meth:`misfit` has a reason against inputs ``x`` ``(n, ...)`` of the oracle's model."""
        reason = self.misfit(threat, x.shape[1:], oracle.traits)
        if reason is not None:
            raise ValueError(reason)

"""What an isolated process says of a model's spikes and gradients, as a message that is read strictly.

The attacked process looks for spike functions as ``bench evaluate`` does. Which stages an attack has, and what a record says
of steps that nobody controls, follow from what it found; so the description goes out, as numbers and single lines of text.
Foreign code may have written it: its form is checked, its truth is not known.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from attacks.gradients.spikes.inventory import SpikeFunction, Uncontrolled
from attacks.gradients.spikes.sites import SpikeSites
from bench.foundation.errors import IsolationError
from bench.foundation.escaping import one_line
from bench.models.slope import Slope
from bench.models.subject import Subject

LONGEST = 300
"""Characters of a text."""
MOST_LAYERS = 10_000
MOST_STEPS = 500
"""Spike functions, and steps out of control."""


def _line(text: str) -> str:
    return one_line(text, LONGEST)


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_line)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Layers = Annotated[int, Field(ge=0, le=MOST_LAYERS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Function(_Strict):
    """A spike function under the attacker's control: its class, ``file:line``, its calls in one forward, and its values."""

    name: Text
    place: Text
    calls: Count
    levels: Count


class Step(_Strict):
    """A step whose slope nobody controls: what it is, where, and why."""

    what: Text
    place: Text
    reason: Text


class Sites(_Strict):
    """The spike functions and other steps of a model outside of layers of this suite."""

    functions: list[Function] = Field(max_length=MOST_STEPS)
    uncontrolled: list[Step] = Field(max_length=MOST_STEPS)
    layers: Layers
    """Layers that fire through a controlled function."""
    differentiable: bool
    obstacle: Text | None
    remarks: list[Text] = Field(max_length=100)


class Derivative(_Strict):
    """Whether the gradient of a model without spikes is its derivative; see :class:`bench.models.slope.Slope`."""

    error: float | None = Field(ge=0)
    reason: Text


class Description(_Strict):
    """What decides which attacks a model gets, and what its record says of its gradients.

    whole_layers: that run all time steps and take every gradient path. kept_per_row: bytes of their state per input, which
    decide how many samples a unit has. coded: whether an encoder takes a coding. The others are as in
    :class:`bench.models.subject.Subject`.
    """

    whole_layers: Layers = 0
    kept_per_row: int = Field(default=0, ge=0, le=2**40)
    coded: bool = False
    rounds: bool = False
    saturated: float = Field(default=0.0, ge=0, le=1)
    unrecognised: Text | None = None
    slope: Derivative | None = None
    sites: Sites | None = None

    @classmethod
    def of(cls, subject: Subject, kept_per_row: int) -> Description:
        """The description of a model that was looked at. kept_per_row: see the class."""
        slope = subject.slope
        return cls(
            whole_layers=subject.whole_layers,
            kept_per_row=min(kept_per_row, 2**40),
            coded=subject.is_coded,
            rounds=subject.rounds,
            saturated=subject.saturated,
            unrecognised=None if subject.unrecognised is None else _line(subject.unrecognised),
            slope=None if slope is None else Derivative(error=_finite(slope.error), reason=_line(slope.reason)),
            sites=None if subject.sites is None else _sites(subject.sites),
        )

    @classmethod
    def read(cls, message: Any) -> Description:
        """The description in a message. Raises ``IsolationError`` for anything that is none."""
        try:
            return cls.model_validate(message)
        except ValidationError as error:
            raise IsolationError(
                "The code's answer about its spikes has not the form of one.", "Leave the evaluator alone."
            ) from error

    def findings(self) -> dict[str, Any]:
        """The fields of a :class:`~bench.models.subject.Subject` that follow from it."""
        return {
            "rounds": self.rounds,
            "saturated": self.saturated,
            "unrecognised": self.unrecognised,
            "slope": None if self.slope is None else Slope(self.slope.error, self.slope.reason),
            "sites": None if self.sites is None else _as_sites(self.sites),
        }


def _finite(error: float | None) -> float | None:
    """The error as a message can carry it: infinity and NaN become a million."""
    return None if error is None else min(error, 1e6) if error == error else 1e6


def _sites(sites: SpikeSites) -> Sites:
    return Sites(
        functions=[
            Function(name=_line(each.name), place=_line(each.place), calls=each.calls, levels=each.levels)
            for each in sites.functions[:MOST_STEPS]
        ],
        uncontrolled=[
            Step(what=_line(each.what), place=_line(each.place), reason=_line(each.reason))
            for each in sites.uncontrolled[:MOST_STEPS]
        ],
        layers=sites.layers,
        differentiable=sites.differentiable,
        obstacle=None if sites.obstacle is None else _line(sites.obstacle),
        remarks=[_line(remark) for remark in sites.remarks[:100]],
    )


def _as_sites(sites: Sites) -> SpikeSites:
    """The sites as checks and records read them; without calls, by which a model that is at hand is controlled."""
    functions = (
        SpikeFunction(each.name, each.place, each.calls, layers=(), thresholds=(), guessed=False, levels=each.levels)
        for each in sites.functions
    )
    return SpikeSites(
        functions=tuple(functions),
        uncontrolled=tuple(Uncontrolled(each.what, each.place, each.reason) for each in sites.uncontrolled),
        differentiable=sites.differentiable,
        obstacle=sites.obstacle,
        remarks=tuple(sites.remarks),
    )

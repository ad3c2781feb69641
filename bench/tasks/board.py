"""What differs between kinds of boards: how a record is checked, what orders the table, what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from bench.data.base import Samples
    from bench.metrics.statistics import Floats
    from bench.models.subject import Subject
    from bench.tasks.record import Record
    from bench.tasks.results import Interval


class AskedOfAll(Protocol):
    """What rules need to know of a board's protocol."""

    @property
    def eps(self) -> Sequence[str]:
        """Radii, as text."""
        ...

    @property
    def rank_by(self) -> str:
        """The radius that orders the table."""
        ...

    @property
    def norm(self) -> Any:
        """Of the threat model."""
        ...

    @property
    def specs(self) -> Sequence[str]:
        """The attacks."""
        ...

    @property
    def seed(self) -> int:
        """Of every draw."""
        ...

    @property
    def draws(self) -> int:
        """Draws per verdict of a stochastic model."""
        ...

    @property
    def data(self) -> Any:
        """Samples, of which ``n`` says how many there are."""
        ...


class Entered(Protocol):
    """What rules need to know of an entry."""

    @property
    def record(self) -> Record:
        """What was measured."""
        ...

    @property
    def challenges(self) -> Sequence[Any]:
        """What others found: each with ``eps`` and ``rows`` (sample, status, robust, shift)."""
        ...

    @property
    def card(self) -> Any:
        """What its authors say, ``claims`` among it."""
        ...


@dataclass(frozen=True)
class Figure:
    """A measured figure of an entry beside what its authors claim. form: how both are written. claimable: whether a
    submission can claim it; claimed: None if it did not."""

    name: str
    measured: Interval
    form: str
    claimable: bool = False
    claimed: float | None = None


@dataclass(frozen=True, kw_only=True)
class BoardRules:
    """The rules of one task's boards.

    unit: of the figures that ``bench board show`` prints. figure: what challenges lower or raise, in words.
    """

    unit: str
    figure: str

    problems: Callable[[Record, AskedOfAll], Iterator[str]]
    """Whatever is wrong with a record under a protocol, in words."""
    ranked_by: Callable[[Entered, AskedOfAll], Floats]
    """Independent values ``(n,)``, one per sample or group of samples, whose mean orders the table, higher first."""
    best_known: Callable[[Entered, str], Floats]
    """Per-sample values ``(n,)`` under the protocol's attacks and all challenges at a radius: rates or shifts."""
    columns: Callable[[Entered, AskedOfAll], dict[str, float | str]]
    """The measured part of a table row."""
    line: Callable[[Mapping[str, str], AskedOfAll], dict[str, str]]
    """What ``bench board show`` prints of a row of ``table.csv``."""
    figures: Callable[[Entered, AskedOfAll], list[Figure]]
    """What an entry's page shows, beside what was claimed."""
    agreement: Callable[[pd.DataFrame, Entered], tuple[int, int, int]]
    """Of rows measured again beside an entry's (suffix ``_kept``), how many have the same clean answer, the same verdict and
    the same images."""
    answers: Callable[[Subject, Samples, Samples, Tensor, Tensor, AskedOfAll], list[dict[str, Any]]]
    """What a subject answers on challenging images ``(m, ...)`` of samples with these ids ``(m,)``: (subject, the board's
    samples, the clean ones, images, ids, protocol) to fields of a challenge's rows."""

"""The rules that differ between boards of different tasks: checks of records, order and columns of the table."""

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


class BoardProtocol(Protocol):
    """The part of a board's protocol that rules need."""

    @property
    def eps(self) -> Sequence[str]:
        """Radii, as text."""
        ...

    @property
    def rank_by(self) -> str:
        """The radius that orders the table."""
        ...

    @property
    def figure(self) -> str:
        """Which of the rules' ``rankings`` orders it; empty for the first."""
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
        """The samples; ``n`` is their number."""
        ...


class BoardEntry(Protocol):
    """The part of an entry that rules need."""

    @property
    def record(self) -> Record:
        """The entry's record."""
        ...

    @property
    def challenges(self) -> Sequence[Any]:
        """Adversarial images of others: each challenge has ``eps`` and ``rows`` (sample, status; robust, shift or psnr)."""
        ...

    @property
    def card(self) -> Any:
        """Statements of its authors, including ``claims``."""
        ...


@dataclass(frozen=True)
class Figure:
    """A measured figure of an entry beside the claim of its authors.

    form: format of both. claimable: whether a submission can claim it. claimed: None if the authors claim nothing.
    """

    name: str
    measured: Interval
    form: str
    claimable: bool = False
    claimed: float | None = None


@dataclass(frozen=True, kw_only=True)
class BoardRules:
    """The rules of one task's boards.

    unit: of the figures that ``bench board show`` prints. figure: name of the figure that challenges change.
    scale, sign: what that figure is multiplied by where it is printed, and what stands after it.
    """

    unit: str
    figure: str
    scale: float = 100.0
    sign: str = "%"
    rankings: tuple[str, ...] = ()

    problems: Callable[[Record, BoardProtocol], Iterator[str]]
    """Everything that is wrong with a record under a protocol, in words."""
    ranked_by: Callable[[BoardEntry, BoardProtocol], Floats]
    """Independent values ``(n,)``, one per sample or group of samples, whose mean orders the table, higher first."""
    reach: Callable[[BoardEntry, BoardProtocol], float] = lambda entry, protocol: 0.0
    """By how much a longer attack may still lower that mean."""
    best_known: Callable[[BoardEntry, str], Floats]
    """Per-sample values ``(n,)`` under the protocol's attacks and all challenges at a radius: rates, shifts or PSNRs."""
    columns: Callable[[BoardEntry, BoardProtocol], dict[str, float | str]]
    """The measured part of a table row."""
    line: Callable[[Mapping[str, str], BoardProtocol], dict[str, str]]
    """The cells that ``bench board show`` prints of a row of ``table.csv``."""
    figures: Callable[[BoardEntry, BoardProtocol], list[Figure]]
    """The figures of an entry's page, with the claims."""
    agreement: Callable[[pd.DataFrame, BoardEntry], tuple[int, int, int]]
    """Given rows that were measured again, joined to the entry's rows (suffix ``_kept``): numbers of rows with the same
    clean answer, the same verdict and the same images."""
    answers: Callable[[Subject, Samples, Samples, Tensor, Tensor, BoardProtocol], list[dict[str, Any]]]
    """Answers of a subject on challenging images: (subject, the board's samples, the clean samples, images ``(m, ...)``,
    their sample ids ``(m,)``, protocol) to fields of a challenge's rows."""

"""The record of one evaluation: small, self-describing, recomputable from its rows.

The identity is the sha256 of exactly the settings that change answers: two records of the same
identity must agree in every row. Times and machines are recorded beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, SerializeAsAny, model_validator

from bench.foundation.errors import RecordError
from bench.foundation.escaping import one_line
from bench.tasks.registry import task_registry
from bench.tasks.results import AttackResult, Reliability, Strict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


SCHEMA_VERSION = 6


class SpikeInfo(Strict):
    """Result of the search for spike functions in a model."""

    controlled: list[str]
    """Functions whose derivative was the attacker's choice: name, place, calls in one forward."""
    uncontrolled: list[str]
    """Steps whose slope was not, and why."""
    layers: int
    """Layers that fire through a controlled function."""
    obstacle: str | None = None
    """The reason why gradients do not reach the input; None if they reach it."""
    remarks: list[str] = Field(default_factory=list)
    """Assumptions of the search, in sentences."""


class ModelInfo(Strict):
    """The attacked model."""

    ref: str
    """As given: ``zoo:NAME``, ``file.py::factory`` or the name of a Python object."""
    fingerprint: dict[str, Any]
    """Everything that determines its answers: card fields and weights sha256, or file and parameter hashes."""
    spiking: bool
    """Whether it has spiking layers, by its declaration or by inspection."""
    stochastic: bool
    """Whether two calls may differ."""
    layers: int
    """Layers that took the gradient path."""
    spikes: SpikeInfo | None = None
    """Spike functions of a model that this suite did not build; None for other models."""
    score_range: tuple[float, float] | None = None
    """Of a model that scores: the ends of its scale, higher meaning better."""
    answers: list[list[float]] = Field(default_factory=list)
    """Of a model that this suite did not build: its outputs on the probe images, by which it is known again."""


class DataInfo(Strict):
    """The data of the evaluation."""

    name: str
    """Data set."""
    split: str
    """Split."""
    n: int
    """Number of samples."""
    sha256: str
    """Of sample ids, labels and pixels."""


class StageInfo(Strict):
    """One stage of an attack, with every parameter."""

    name: str
    """As in the column ``stage`` of the rows."""
    attack: str
    """Its search."""
    path: str
    """Its gradient path."""


class AttackInfo(Strict):
    """One attack of the evaluation."""

    spec: str
    """As given."""
    name: str
    """Registered name."""
    passed: dict[str, Any]
    """Parameters given."""
    defaulted: dict[str, Any]
    """Parameters left at their defaults, with the defaults of that version."""
    path: str
    """Gradient path, as a spec."""
    path_parameters: dict[str, Any]
    """All parameters of the path."""
    stages: list[StageInfo] = Field(default_factory=list)
    """The stages in the order in which they ran; one stage for a plain attack."""
    left_out: list[str] = Field(default_factory=list)
    """Stages that do not fit the threat, the inputs or the model: name and reason."""


class ProtocolInfo(Strict):
    """The frozen protocol an evaluation was run under."""

    board: str
    """Leaderboard."""
    version: int
    """Its version."""
    sha256: str
    """Of its ``protocol.yaml``."""


class Record(Strict):
    """One evaluation of one model."""

    schema_version: int = SCHEMA_VERSION
    """Format of this file."""
    evaluator_version: int
    """Version of the evaluator's arithmetic."""
    identity: str
    """sha256 of everything that determines the rows."""
    model: ModelInfo
    """Subject."""
    data: DataInfo
    """Samples."""
    norm: str
    """``linf`` or ``l2``."""
    attacks: list[AttackInfo]
    """In the order given."""
    seed: int
    """Seed of every draw."""
    settings: dict[str, Any]
    """EOT draws, scoring draws and other knobs of the evaluator that change rows."""
    task: str = "classification"
    """What the model answers: ``classification``, ``quality``, ``reconstruction``, or a task of another package."""
    results: list[SerializeAsAny[AttackResult]]
    """One per attack and radius, in the task's own type; with several attacks also the worst case over them."""
    reliability: Reliability
    """Verdict."""
    rows_sha256: str
    """Of ``rows.parquet`` as the evaluation wrote it; empty if it wrote none. An archive has its own hash of them."""
    seconds: float
    """Total wall time of all units, also over several runs."""
    machine: dict[str, Any]
    """Device, threads, versions of the process that wrote it: recorded, not part of the identity."""
    machines: list[str] = Field(default_factory=list)
    """Descriptions of the machines that computed units."""
    computed_on: dict[str, int] = Field(default_factory=dict)
    """Unit to its position in ``machines``; empty if all were computed on the first."""
    created: str
    """UTC, ISO 8601."""
    remarks: list[str] = Field(default_factory=list)
    """What was done or noticed that a reader should know, each a sentence; no verdict."""
    protocol: ProtocolInfo | None = None
    """None for an evaluation of the user's own design."""

    @model_validator(mode="before")
    @classmethod
    def _typed_results(cls, fields: Any) -> Any:
        """Convert results to their task's type, whether they come from a file or from the evaluator."""
        if isinstance(fields, dict) and isinstance(fields.get("results"), list):
            kind = task_registry.get(fields.get("task", "classification")).result_type
            results = [r if isinstance(r, AttackResult) else kind.model_validate(r) for r in fields["results"]]
            return fields | {"results": results}
        return fields

    _rows: pd.DataFrame | None = PrivateAttr(default=None)

    def with_rows(self, rows: pd.DataFrame) -> Record:
        """The record itself, with its rows in memory."""
        self._rows = rows
        return self

    @property
    def cells(self) -> list[Any]:
        """The results of a model that decides (:class:`~bench.tasks.classification.results.Cell`); empty for any other."""
        return list(self.results) if self.task == "classification" else []

    @property
    def shifts(self) -> list[Any]:
        """The results of a model that scores (:class:`~bench.tasks.quality.results.Shift`); empty for any other."""
        return list(self.results) if self.task == "quality" else []

    @property
    def eight_bit(self) -> bool:
        """Whether attacked and noisy images were rounded to 8 bits."""
        return bool(self.settings.get("eight_bit", False))

    @property
    def threat(self) -> str:
        """Norm and kind of pixels, for titles."""
        return f"{self.norm}, images of 8 bits" if self.eight_bit else self.norm

    @property
    def rows(self) -> pd.DataFrame:
        """One row per sample, attack and radius. Raises ``RecordError`` if the record has no rows in memory."""
        if self._rows is None:
            raise RecordError("This record carries no rows.", "Read it with bench.read_record(folder).")
        return self._rows

    def __repr__(self) -> str:
        """One line: model, samples, threat, the last of the results, verdict."""
        last = self.results[-1] if self.results else None
        point = None if last is None else last.point
        result = "" if last is None or point is None else f"; {last.attack} at {last.eps_text}: {point.axis} {point.text}"
        samples = f"{self.data.n} {self.data.split} samples of {self.data.name}"
        return one_line(f"<Record of {self.model.ref}: {samples}, {self.threat}{result}; {self.reliability.status}>", 300)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """The table of ``bench evaluate``, for a notebook."""
        from bench.tasks.notebook import table_html

        summary = task_registry.get(self.task).summary(self.results, eight_bit=self.eight_bit)
        title = f"{self.model.ref} on {self.data.n} {self.data.split} samples of {self.data.name}, {self.threat}"
        verdict = ": ".join([self.reliability.grade, "; ".join(self.reliability.reasons)])
        return table_html(summary.lines, title=title, notes=[summary.caption, f"verdict: {verdict.removesuffix(': ')}"])

    def plot(self) -> Figure:
        """A figure of matplotlib: each attack against the radius, beside noise. Raises ``RecordError`` for some tasks."""
        from bench.tasks.plotting import record_picture

        return record_picture(self)

"""The record of one evaluation: small, self-describing, recomputable from its rows.

Identity is the sha256 of what changes the answer and of nothing else: two records with one
identity must agree in every row. Times and machine are recorded beside it.
Readers migrate older schemas step by step and refuse newer ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_path, atomic_write_text, make_folder, sha256_file

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 3
EVALUATOR_VERSIONS: dict[str, int] = {"classification": 3, "quality": 2}
"""By task. Raised whenever the same request would give other rows; golden rows in the tests guard it."""

RECORD_FILE, ROWS_FILE = "record.json", "rows.parquet"
AGAIN = "Evaluate again with --fresh."


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Interval(_Model):
    """A value with its 95% interval."""

    value: float
    """Point estimate."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Samples it rests on."""


class ModelInfo(_Model):
    """What was attacked."""

    ref: str
    """As given: ``zoo:NAME``, ``file.py::factory`` or the name of a Python object."""
    fingerprint: dict[str, Any]
    """What determines its answers: card fields and weights sha256, or file and parameter hashes."""
    spiking: bool
    """Whether it is said, or was seen, to have spiking layers."""
    stochastic: bool
    """Whether two calls may differ."""
    layers: int
    """Layers that took the gradient path."""
    score_range: tuple[float, float] | None = None
    """Of a model that scores: the ends of its scale, higher meaning better."""


class DataInfo(_Model):
    """What it was evaluated on."""

    name: str
    """Data set."""
    split: str
    """Split."""
    n: int
    """Number of samples."""
    sha256: str
    """Of sample ids, labels and pixels."""


class StageInfo(_Model):
    """One stage of an attack, with every parameter."""

    name: str
    """As in the column ``stage`` of the rows."""
    attack: str
    """Its search."""
    path: str
    """Its gradient path."""


class AttackInfo(_Model):
    """How it was attacked."""

    spec: str
    """As given."""
    name: str
    """Registered name."""
    passed: dict[str, Any]
    """Parameters given."""
    defaulted: dict[str, Any]
    """Parameters left at their defaults, as they were then."""
    path: str
    """Gradient path, as a spec."""
    path_parameters: dict[str, Any]
    """All parameters of the path."""
    stages: list[StageInfo] = []
    """What was run, in order; one stage for a plain attack."""


class StageResult(_Model):
    """What one stage of an attack did at one radius."""

    name: str
    """Stage."""
    attempted: int
    """Samples it was run on: those that all stages before left standing."""
    broken: int
    """Of these, those it broke."""
    forwards: float
    """Mean forward passes per sample attempted."""
    backwards: float
    """Mean backward passes per sample attempted."""
    zero_gradients: float
    """Share of its gradient queries answered by zeros everywhere."""
    seconds: float
    """Wall time."""


class Cell(_Model):
    """One attack at one radius."""

    attack: str
    """Spec of the attack, or ``worst case`` for the per-sample minimum over all of them."""
    eps: float
    """Radius in input units."""
    eps_text: str
    """Radius as given."""
    clean: Interval
    """Accuracy without perturbation."""
    noise: Interval
    """Accuracy under one draw of uniform noise of the same radius."""
    noise_best: Interval
    """Accuracy under the worst of ``noise_draws`` draws per sample."""
    noise_draws: int
    """K = min(forwards of the attack, 100)."""
    robust: Interval
    """Accuracy under the attack, over all samples."""
    robust_8bit: Interval
    """The same after rounding the adversarial images to 8 bits."""
    gap: Interval
    """``noise - robust``, paired."""
    gap_best: Interval
    """``noise_best - robust``, paired."""
    undecided: int
    """Samples that stand although a stage failed on them; they are not evidence of robustness."""
    unstable: int
    """Samples whose decision differed between two scorings; they count as broken."""
    forwards: float
    """Mean forward passes spent per attacked sample."""
    backwards: float
    """Mean backward passes spent per attacked sample."""
    seconds: float
    """Wall time of this attack."""
    zero_gradients: float = 0.0
    """Share of gradient queries answered by zeros everywhere."""
    stages: list[StageResult] = []
    """Stage by stage."""


class ShiftStage(_Model):
    """What one stage of an attack on scores did at one radius."""

    name: str
    """Stage, with its way."""
    shift: float
    """Mean signed shift of the score."""
    failed: int
    """Samples on which it failed."""
    forwards: float
    """Mean forward passes per sample."""
    backwards: float
    """Mean backward passes per sample."""
    seconds: float
    """Wall time."""


class Shift(_Model):
    """One attack on scores at one radius. A sample's shift is the larger, in magnitude, of those up and down.

    In units of the calibrated score, unless said otherwise. Intervals resample reference photographs.
    """

    attack: str
    """Spec of the attack, or ``worst case`` for the per-sample largest shift over all of them."""
    eps: float
    """Radius in input units."""
    eps_text: str
    """Radius as given."""
    absolute: Interval
    """Mean |shift|."""
    signed: Interval
    """Mean shift."""
    rms: Interval
    """Root of the mean squared shift."""
    up: Interval | None
    """Mean shift of attacks that raise the score; None if none did."""
    down: Interval | None
    """Mean shift of attacks that lower it; None if none did."""
    in_deviations: Interval | None
    """Mean |shift| in standard deviations of the clean scores; None if these are constant."""
    in_ranges: Interval
    """Mean |shift| in units of the score range."""
    rounded: Interval
    """Mean |shift| after rounding the adversarial images to 8 bits."""
    robustness: Interval
    """R, mean log10 of the largest possible shift over the shift."""
    noise: Interval
    """Mean |shift| under one draw of uniform noise of the same radius."""
    noise_best: Interval
    """Mean of the largest |shift| among ``noise_draws`` draws."""
    noise_draws: int
    """K = min(forwards of the attack, 100)."""
    gap: Interval
    """``absolute - noise``, paired."""
    gap_best: Interval
    """``absolute - noise_best``, paired."""
    gap_ratio: float | None
    """``absolute / noise_best``; None where noise hardly moves scores."""
    srcc_clean: Interval
    """Spearman's correlation of clean scores with the (pseudo-)MOS."""
    srcc_attacked: Interval
    """The same of attacked scores."""
    plcc_clean: Interval
    """Pearson's correlation of clean scores with the (pseudo-)MOS."""
    plcc_attacked: Interval
    """The same of attacked scores."""
    krcc_clean: Interval
    """Kendall's tau-b of clean scores with the (pseudo-)MOS."""
    krcc_attacked: Interval
    """The same of attacked scores."""
    srcc_between: Interval
    """Spearman's correlation of attacked with clean scores."""
    wasserstein: Interval
    """Distance between the distributions of clean and attacked scores, with the sign of the mean shift."""
    gradient_l1: Interval | None
    """Mean l1 norm of the input gradient at the clean images; None where some are not finite."""
    flat: Interval | None
    """Share of clean images at which the input gradient is zero; None where some are not finite."""
    failed: int
    """Samples on which a stage failed, left out of all figures: no evidence of robustness."""
    unstable: int
    """Samples whose adversarial score differed between two scorings."""
    forwards: float
    """Mean forward passes per sample."""
    backwards: float
    """Mean backward passes per sample."""
    zero_gradients: float = 0.0
    """Share of gradient queries answered by zeros everywhere."""
    seconds: float
    """Wall time of this attack."""
    stages: list[ShiftStage] = []
    """Stage by stage."""


class Check(_Model):
    """One thing that was looked at to decide whether to believe a number."""

    name: str
    """Short key."""
    status: Literal["pass", "warn", "fail"]
    """``fail`` makes a record unreliable."""
    value: float
    """The figure the status rests on."""
    says: str
    """One sentence."""


class Reliability(_Model):
    """Whether to believe the numbers."""

    status: Literal["reliable", "upper_bound", "unreliable"]
    """``unreliable``: a check failed. ``upper_bound``: none did, but the attack is weaker than ``standard``.
    ``reliable``: none failed under ``standard`` or ``thorough``."""
    reasons: list[str]
    """In words."""
    checks: list[Check] = []
    """All that was looked at."""


class ProtocolInfo(_Model):
    """The frozen protocol an evaluation was run under."""

    board: str
    """Leaderboard."""
    version: int
    """Its version."""
    sha256: str
    """Of its ``protocol.yaml``."""


class Record(_Model):
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
    task: Literal["classification", "quality"] = "classification"
    """Whether the model decides or scores."""
    cells: list[Cell]
    """Results of a model that decides."""
    shifts: list[Shift] = []
    """Results of a model that scores."""
    reliability: Reliability
    """Verdict."""
    rows_sha256: str
    """Of ``rows.parquet`` beside the record; empty if the record was never written."""
    seconds: float
    """Total wall time, over all runs it took."""
    machine: dict[str, Any]
    """Device, threads, versions: recorded, not part of the identity."""
    created: str
    """UTC, ISO 8601."""
    protocol: ProtocolInfo | None = None
    """None for an evaluation of the user's own design."""

    _rows: pd.DataFrame | None = PrivateAttr(default=None)

    def with_rows(self, rows: pd.DataFrame) -> Record:
        """This record carrying its rows in memory."""
        self._rows = rows
        return self

    @property
    def eight_bit(self) -> bool:
        """Whether attacks and noise handed over images of 8 bits."""
        return bool(self.settings.get("eight_bit", False))

    @property
    def threat(self) -> str:
        """Norm and kind of pixels, for titles."""
        return f"{self.norm}, images of 8 bits" if self.eight_bit else self.norm

    @property
    def rows(self) -> pd.DataFrame:
        """One row per sample, attack and radius."""
        if self._rows is None:
            raise RecordError("This record carries no rows.", "Read it with bench.read_record(folder).")
        return self._rows


def write_record(record: Record, folder: Path) -> Record:
    """Write rows, then record, each atomically; the record names the rows' hash, so a torn pair is noticed."""
    make_folder(folder)
    with atomic_path(folder / ROWS_FILE) as path:
        record.rows.to_parquet(path, index=False)
    final = record.model_copy(update={"rows_sha256": sha256_file(folder / ROWS_FILE)})
    atomic_write_text(folder / RECORD_FILE, final.model_dump_json(indent=1) + "\n")
    return final.with_rows(record.rows)


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda fields: fields | {"schema_version": 2},
    2: lambda fields: fields | {"schema_version": 3, "task": "classification", "shifts": []},
}
"""From schema version to a function that gives the next version's fields."""


def read_record(folder: Path) -> Record:
    """The record in ``folder`` (or of a ``record.json``), with its rows, hashes checked.

    Raises ``RecordError`` if it is missing, damaged, or newer than this program.
    """
    import pandas as pd

    folder = folder.parent if folder.name == RECORD_FILE else folder
    path = folder / RECORD_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        version = int(fields["schema_version"])
    except OSError as error:
        raise RecordError(
            f"There is no readable record in {folder} ({error.strerror}).", "Name a folder that bench evaluate wrote."
        ) from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RecordError(f"{path} is damaged.", AGAIN) from error
    if version > SCHEMA_VERSION:
        raise RecordError(f"{path} has schema {version}; this program reads up to {SCHEMA_VERSION}.", "Update the program.")
    while version < SCHEMA_VERSION:
        if version not in MIGRATIONS:
            raise RecordError(f"{path} has schema {version}, which never was.", AGAIN)
        fields = MIGRATIONS[version](fields)
        version += 1
    try:
        record = Record.model_validate(fields)
    except ValidationError as error:
        raise RecordError(f"{path} is not a valid record ({error.error_count()} errors).", AGAIN) from error
    rows = folder / ROWS_FILE
    if not rows.exists() or sha256_file(rows) != record.rows_sha256:
        raise RecordError(f"{rows} is missing or is not the file its record names.", AGAIN)
    return record.with_rows(_with_all_columns(pd.read_parquet(rows)))


def _with_all_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first schema had one stage an attack, and knew of no zero gradients."""
    if "selection" in rows or "shift" in rows:
        return rows
    return rows.assign(selection=rows["robust"], stage="", zero_gradients=0)

"""What a board asks: samples, radii, attacks with every parameter, seed. Written once, never changed.

A person writes a :class:`Draft`; :func:`freeze` resolves it into a :class:`Protocol`, in which no default is left to the
program. Should the program's defaults change later, :func:`check_program` notices and the board refuses to run.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from attacks.fitting import Traits
from bench.boards.naming import ThreatName, is_slug
from bench.boards.text import Line, Note
from bench.foundation.errors import BenchError, BoardError
from bench.foundation.files import canonical_json
from bench.foundation.spec import parse_eps

if TYPE_CHECKING:
    from bench.evaluation.request.settings import Settings
    from bench.models.subject import Subject

PROTOCOL_FILE, HASH_FILE = "protocol.yaml", "protocol.sha256"
T = TypeVar("T", bound="Draft")
TRAITS = {"spiking": Traits(spiking=True), "smooth": Traits(), "coded": Traits(spiking=True, coded=True)}
"""Kinds of models, by what the stages of an attack depend on."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Slice(_Strict):
    """The first ``n`` samples of a split."""

    name: str
    """Data set."""
    split: str = "test"
    """Split."""
    n: int = Field(gt=0)
    """How many, from the first on."""


class FrozenSlice(Slice):
    """A slice and what it held."""

    sha256: str
    """Of pixels, labels and ids."""


class FrozenStage(_Strict):
    """One stage of an attack."""

    name: str
    """As in the rows."""
    attack: str
    """The search, with every parameter."""
    path: str
    """The gradient path, with every parameter."""


class FrozenAttack(_Strict):
    """An attack with nothing left to defaults."""

    spec: str
    """As drafted."""
    name: str
    """Registered name."""
    parameters: dict[str, Any]
    """All of them."""
    spiking: list[FrozenStage]
    """What it runs on a model that takes gradient paths."""
    smooth: list[FrozenStage]
    """What it runs on any other model."""
    coded: list[FrozenStage]
    """What it runs on one that also has an encoder whose backward an attacker may choose."""


class Draft(_Strict):
    """What a person decides about a board."""

    board: str
    """Slug."""
    version: int = Field(ge=1)
    """Raised for every change."""
    title: Line
    """Heading."""
    summary: Note = ""
    """What it measures, and what changed since the version before."""
    task: str = "classification"
    """What the models answer."""
    data: Slice
    """Samples."""
    norm: ThreatName = "linf"
    """Of the threat model."""
    eps: list[str] = Field(min_length=1)
    """Radii, as ``8/255``."""
    rank_by: str
    """The radius whose accuracy, shift of scores or PSNR orders the table."""
    figure: str = ""
    """What is compared there, one of the task's :attr:`~bench.tasks.board.BoardRules.rankings`; empty for the first of them,
    by which all boards were ordered before there was a choice."""
    attacks: list[str] = Field(min_length=1)
    """Specs; a sample counts as robust if it survives all of them."""
    path: str = "training"
    """Gradient path of attacks that do not choose their own."""
    seed: int = 0
    """Of every draw."""
    behind_cameras: bool = False
    """Whether it is for models that see scenes through a spike camera; others are compared with each other elsewhere."""
    network: str = ""
    """The architecture that it compares, as cards call it; empty for models of any compact architecture."""
    stochastic: bool = False
    """Whether it is for models that draw at random when they answer, whose every query costs several passes. It says nothing
    on a board behind cameras, where shot noise makes every model such a one."""

    @field_validator("board")
    @classmethod
    def _slug(cls, board: str) -> str:
        if not is_slug(board):
            raise ValueError("a board's name is a slug: letters, digits, - and _")
        return board

    @model_validator(mode="after")
    def _radii(self) -> Draft:
        from bench.tasks import TASKS

        if self.task not in TASKS:
            raise ValueError(f"task is one of {', '.join(TASKS)}")
        try:
            parse_eps(",".join(self.eps), norm=self.norm)
        except BenchError as error:
            raise ValueError(str(error)) from error
        if self.rank_by not in self.eps:
            raise ValueError("rank_by is one of eps")
        return self


class Protocol(Draft):
    """A draft with everything resolved."""

    data: FrozenSlice
    """Samples and their hash."""
    attacks: list[FrozenAttack]  # type: ignore[assignment]
    """With every parameter."""
    path_parameters: dict[str, Any]
    """Of ``path``."""
    draws: int = Field(ge=1)
    """Draws per query and per verdict of a stochastic model."""
    evaluator_version: int
    """Of the evaluator's arithmetic."""
    released: datetime.date
    """When it was frozen."""

    @property
    def specs(self) -> list[str]:
        """The attacks, as :func:`bench.evaluation.evaluate.evaluate` takes them."""
        return [attack.spec for attack in self.attacks]

    def settings(self, model: str | Subject, *, device: str = "cpu") -> Settings:
        """What :func:`bench.evaluate` is asked for a model under this protocol."""
        from bench.evaluation.request.settings import Settings

        return Settings(
            model=model,
            attack=self.specs,
            eps=",".join(self.eps),
            norm=self.norm,
            n=self.data.n,
            data=self.data.name,
            split=self.data.split,
            path=self.path,
            seed=self.seed,
            device=device,
        )

    def text(self) -> str:
        """The content of ``protocol.yaml``."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=120, allow_unicode=True)


def freeze(draft: Draft, *, released: datetime.date | None = None) -> Protocol:
    """Resolve every name and default as they are now. Raises a ``BenchError`` for unknown ones."""
    from bench.data import load_samples
    from bench.tasks.lookup import board_rules, task_named

    rankings = board_rules(draft.task).rankings
    if draft.figure and draft.figure not in rankings:
        fix = f"It is one of {', '.join(rankings)}." if rankings else "Leave it out."
        raise BoardError(f"A board of task {draft.task} cannot be ordered by figure {draft.figure}.", fix)
    samples = load_samples(draft.data.name, split=draft.data.split, n=draft.data.n)
    fields = draft.model_dump() | {
        "data": draft.data.model_dump() | {"sha256": samples.sha256()},
        "evaluator_version": task_named(draft.task).evaluator_version,
        "released": released or datetime.datetime.now(datetime.UTC).date(),
        **_resolved(draft, draft.attacks),
    }
    return Protocol.model_validate(fields)


def _resolved(draft: Draft, specs: list[str]) -> dict[str, Any]:
    """The attacks and the path, as this version of the program resolves them."""
    from dataclasses import asdict

    from bench.evaluation.request.attack_specs import resolve_attack, resolve_path, threat_of
    from bench.evaluation.request.resolve import STOCHASTIC_DRAWS
    from bench.tasks.lookup import task_named

    _, path = resolve_path(draft.path)
    task = task_named(draft.task)
    attacks = []
    for spec in specs:
        resolved = resolve_attack(spec)
        for radius in parse_eps(",".join(draft.eps), norm=draft.norm):
            threat_of(draft.norm, radius, resolved.attack)
        stages = {
            kind: [
                {"name": stage.name, "attack": repr(stage.attack), "path": repr(stage.path or path)}
                for stage in task.stages(resolved, draft.norm, traits)
            ]
            for kind, traits in TRAITS.items()
        }
        parameters = {**resolved.defaulted, **resolved.passed}
        attacks.append({"spec": resolved.spec, "name": resolved.name, "parameters": parameters, **stages})
    fields = {"attacks": attacks, "path_parameters": asdict(path), "draws": STOCHASTIC_DRAWS}
    as_read: dict[str, Any] = json.loads(canonical_json(fields))  # as the file will give it back
    return as_read


def check_program(protocol: Protocol) -> None:
    """Raise ``BoardError`` if this program would not run the protocol as it was frozen."""
    from bench.tasks.lookup import task_named

    now = _resolved(protocol, protocol.specs)
    frozen = protocol.model_dump(mode="json")
    changed = [name for name, value in now.items() if frozen[name] != value]
    if protocol.evaluator_version != task_named(protocol.task).evaluator_version:
        changed.append("evaluator_version")
    if changed:
        raise BoardError(
            f"This program resolves {', '.join(changed)} of {protocol.board}/v{protocol.version} otherwise than was frozen.",
            "Use the program of that time, or release a new version of the board.",
        )


def read_protocol(path: Path) -> Protocol:
    """Parse ``protocol.yaml``. Raises ``BoardError`` if it is missing or damaged."""
    return _read(path, Protocol)


def read_draft(path: Path) -> Draft:
    """Parse a draft. Raises ``BoardError`` if it is missing or a field is wrong."""
    return _read(path, Draft)


def _read(path: Path, kind: type[T]) -> T:
    from zoo.plain_yaml import load_plain

    try:
        fields = load_plain(path.read_bytes())
    except OSError as error:
        raise BoardError(f"{path} cannot be read ({error.strerror}).", "Name a board: bench board ls.") from error
    except ValueError as error:
        raise BoardError(f"{path} is not valid YAML: {error}.", "Correct it, or restore it.") from error
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise BoardError(f"{path} is not a protocol: {where}: {first['msg']}.", "Correct it, or restore it.") from error

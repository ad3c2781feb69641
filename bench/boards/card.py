"""What a board says about a model beside its numbers. It may be corrected at any time without evaluating again."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.boards.naming import LONGEST, SLUG, EntryName
from bench.boards.text import Line, Link, Note
from bench.foundation.errors import BoardError

Kind = Literal["zoo", "zoo_built", "own_code"]
"""Shipped with the suite; foreign weights in a registered builder; foreign code."""
KINDS = {"zoo": "zoo", "zoo_built": "zoo-built", "own_code": "own code"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Paper(_Strict):
    """Where the defense is described."""

    title: Note = ""
    """Reference."""
    url: Link = ""
    """https address."""


class Claims(_Strict):
    """What the authors state: accuracies as fractions, of a model that scores its correlation and shifts."""

    clean: float | None = Field(default=None, ge=0, le=1)
    """Accuracy without perturbation."""
    robust: dict[str, float] = {}
    """Radius, as ``8/255``, to accuracy under attack."""
    srcc: float | None = Field(default=None, ge=-1, le=1)
    """Rank correlation with the labels, without perturbation."""
    shift: dict[str, float] = {}
    """Radius to the mean |shift| of a score under attack, in units of the score range."""

    @property
    def stated(self) -> set[str]:
        """Names of the fields that were filled."""
        return {name for name, value in self.model_dump().items() if value not in (None, {})}

    @field_validator("shift")
    @classmethod
    def _sizes(cls, shift: dict[str, float]) -> dict[str, float]:
        if not all(value >= 0 for value in shift.values()):
            raise ValueError("a mean |shift| is not negative")
        return shift

    @field_validator("robust")
    @classmethod
    def _fractions(cls, robust: dict[str, float]) -> dict[str, float]:
        if not all(0 <= value <= 1 for value in robust.values()):
            raise ValueError("accuracies are fractions from 0 to 1")
        return robust


class EntryCard(_Strict):
    """What ``cards.yaml`` says of an entry."""

    name: str = Field(pattern=rf"^{SLUG}$", max_length=LONGEST)
    """Of the model."""
    version: int = Field(ge=1)
    """Raised whenever its answers change."""
    kind: Kind
    """How far it is trusted."""
    summary: Note = ""
    """One line."""
    authors: list[Line] = []
    """Who made it."""
    owner: Line | None = None
    """Who may bring a later version; None where the authors may."""
    defense: Note = ""
    """How it was trained or built to resist."""
    paper: Paper = Paper()
    """Where that is described."""
    licence: Line = "Apache-2.0"
    """Of the weights."""
    homepage: Link = ""
    """Where the model can be had."""
    claims: Claims = Claims()
    """What its authors stated before it was measured here."""
    submitted: datetime.date
    """When it entered."""


def zoo_card(name: str, today: datetime.date) -> EntryCard:
    """The entry's card of a model of the zoo."""
    from zoo.card import card

    described = card(name)
    return EntryCard(
        name=described.name,
        version=described.version,
        kind="zoo",
        summary=described.summary,
        authors=[],
        defense=described.defense.name,
        paper=Paper(title=described.paper),
        licence=described.licence,
        submitted=today,
    )


def cards_text(cards: Mapping[EntryName, EntryCard]) -> str:
    """The content of ``cards.yaml``: the card of each entry under its name."""
    unsaid = {name: {"owner"} if card.owner is None else set[str]() for name, card in cards.items()}
    return "".join(_dumped({str(name): card.model_dump(mode="json", exclude=unsaid[name])}) for name, card in cards.items())


def _dumped(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True)


def read_cards(path: Path) -> dict[EntryName, EntryCard]:
    """Parse a ``cards.yaml``; empty if there is none. Raises ``BoardError`` if a field is wrong."""
    if not path.is_file():
        return {}
    fields = _loaded(path) or {}
    if not isinstance(fields, dict):
        raise BoardError(f"{path} does not hold cards by the names of entries.", "Correct it.")
    cards = {EntryName.parse(str(name)): _validated(card, f"{path}, {name}") for name, card in fields.items()}
    for name, card in cards.items():
        if (card.name, card.version) != (name.model, name.version):
            raise BoardError(f"The card of {name} in {path} is of {card.name}@{card.version}.", "Correct it.")
    return cards


def read_entry_card(path: Path) -> EntryCard:
    """Parse a ``card.yaml``. Raises ``BoardError`` if it is missing or a field is wrong."""
    return _validated(_loaded(path), str(path))


def _loaded(path: Path) -> Any:
    from zoo.plain_yaml import load_plain

    try:
        return load_plain(path.read_bytes())
    except OSError as error:
        raise BoardError(f"{path} cannot be read ({error.strerror}).", "Restore it.") from error
    except ValueError as error:
        raise BoardError(f"{path} is not valid YAML: {error}.", "Correct it.") from error


def _validated(fields: Any, where: str) -> EntryCard:
    try:
        return EntryCard.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"])) or "the whole"
        raise BoardError(f"{where} is not a card: {at}: {first['msg']}.", "Correct it.") from error

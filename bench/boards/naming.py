"""Names of boards and entries: slugs, so that a name is also a safe path, a safe cell and a safe link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from bench.foundation.errors import BoardError
from bench.foundation.threats import threat_registry

SLUG = r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*"
LONGEST = 64
_ENTRY = re.compile(rf"({SLUG})@([1-9][0-9]{{0,5}})")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")


def is_slug(text: str) -> bool:
    """Lower-case letters and digits, joined by single ``-`` or ``_``, a letter first, at most 64 characters."""
    return len(text) <= LONGEST and re.fullmatch(SLUG, text) is not None


def known_threat(name: str) -> str:
    """``name`` if it is a threat of the suite or of a plug-in. Raises ``ValueError`` otherwise."""
    if name not in threat_registry.names():
        raise ValueError(f"no threat is called {name!r}; there are: {', '.join(threat_registry.names())}")
    return name


ThreatName = Annotated[str, AfterValidator(known_threat)]
"""The name of a threat, such as ``linf``."""


@dataclass(frozen=True, order=True)
class EntryName:
    """``MODEL@VERSION``: the name of an entry and of its folder."""

    model: str
    version: int

    def __str__(self) -> str:
        return f"{self.model}@{self.version}"

    @classmethod
    def parse(cls, text: str) -> EntryName:
        """Raises ``BoardError`` unless ``text`` is ``MODEL@VERSION``."""
        matched = _ENTRY.fullmatch(text)
        if matched is None or len(matched[1]) > LONGEST:
            raise BoardError(f"{text!r} does not name an entry.", "Write MODEL@VERSION, for example snn_at@1.")
        return cls(matched[1], int(matched[2]))


@dataclass(frozen=True)
class Place:
    """What a user wrote for a board or an entry.

    version, model: None if left out. model_version: None for the latest entry of the model.
    """

    board: str
    version: int | None
    model: str | None = None
    model_version: int | None = None


def parse_place(text: str) -> Place:
    """``BOARD[/vN][/MODEL[@VERSION]]``. Raises ``BoardError`` for anything else."""
    board, *rest = text.split("/")
    version = None
    if rest and (matched := _VERSION.fullmatch(rest[0])):
        version, rest = int(matched[1]), rest[1:]
    if not is_slug(board) or len(rest) > 1:
        raise BoardError(f"{text!r} does not name a board.", "Write BOARD, BOARD/vN or BOARD/vN/MODEL@VERSION.")
    if not rest:
        return Place(board, version)
    if "@" in rest[0]:
        entry = EntryName.parse(rest[0])
        return Place(board, version, entry.model, entry.version)
    if not is_slug(rest[0]):
        raise BoardError(f"{rest[0]!r} does not name an entry.", "Write MODEL or MODEL@VERSION.")
    return Place(board, version, rest[0])

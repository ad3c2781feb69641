"""Challenges: adversarial images that others found, as they were scored here, kept beside the entry they break."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.boards.text import Line, Link, Note
from bench.foundation.errors import BoardError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ChallengeRow(_Strict):
    """One image of a challenge."""

    sample: int
    """Sample id."""
    norm_value: float
    """Size of the perturbation in the board's norm."""
    status: str
    """``ok``, ``out_of_ball`` or ``out_of_box``; only an ``ok`` image can break a sample."""
    adv_pred: int | None = None
    """Decision on it; None of a model that does not decide."""
    robust: float | None = None
    """Rate of correct decisions on it: 0 or 1 for a deterministic model; None of a model that does not decide."""
    shift: float | None = None
    """Score on it minus the clean score; None of a model that does not score."""
    psnr: float | None = None
    """PSNR in dB of the picture of it, against itself; None of a model that does not reconstruct."""
    adv_sha256: str
    """Of the image, as in the rows of the record."""


class Challenge(_Strict):
    """What one set of images did to an entry."""

    schema_version: int = 1
    """Format of this file."""
    record_sha256: str
    """Of the record it is scored against."""
    who: Line
    """Who found the images."""
    how: Note
    """By which attack."""
    link: Link = ""
    """Where to read about it."""
    date: datetime.date
    """When it was scored."""
    eps: str
    """Radius, as on the board."""
    images_sha256: str
    """Of the file that was scored."""
    rows: list[ChallengeRow] = Field(min_length=1)
    """Image by image."""

    @property
    def holding(self) -> int:
        """Images inside of ball and box that broke the model at least in part, or moved its score or its picture."""
        return sum(row.status == "ok" and (row.robust is None or row.robust < 1) for row in self.rows)


def check_words(**words: str) -> None:
    """Raise ``BoardError`` for the first of ``who``, ``how``, ``link`` that may not stand on a board."""
    for name, text in words.items():
        try:
            TypeAdapter({"who": Line, "how": Note, "link": Link}[name]).validate_python(text)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise BoardError(f"{name} is {text[:60]!r}, which may not stand on a board: {reason}.", "Correct it.") from error


def challenge_file(folder: Path) -> Path:
    """The path of the next challenge of an entry."""
    numbers = [int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal()] if folder.is_dir() else []
    return folder / f"{max(numbers, default=0) + 1:04d}.json"


def read_challenges(folder: Path) -> list[Challenge]:
    """All challenges below an entry, in the order they came. Raises ``BoardError`` for a damaged one."""
    challenges = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            challenges.append(Challenge.model_validate(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, ValidationError, RecursionError) as error:
            raise BoardError(f"{path} is not a readable challenge.", "Restore it.") from error
    return challenges

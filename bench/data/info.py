"""What is known about a data set before a byte of it is read. No torch, so that listing stays instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "test"]


@dataclass(frozen=True)
class StoredFile:
    """One file of a set as it lies under the data root."""

    name: str
    part: Part
    """The half of the published set that it holds."""
    size: int
    """Bytes."""
    md5: str | None = None
    """Published checksum; None where only archives have one, and the checksum is recorded when the set is fetched."""


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a set, for people and for records."""

    name: str
    title: str
    classes: tuple[str, ...]
    """Class names in label order."""
    shape: tuple[int, ...]
    """Shape of one sample, (C, H, W)."""
    splits: Mapping[str, int]
    """Split to number of samples."""
    licence: str
    citation: str
    homepage: str | None = None
    task: str = "classification"

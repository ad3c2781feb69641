"""What each sample of ``photos`` is, and the form in which it is stored. Light to import, so that listing stays instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.distortions import KINDS, LEVELS
from bench.data.photo_sources import PHOTOS, photos_of

SIDE = 96
"""Pixels; samples are square."""
TEST_ROUNDS = 15
"""Test samples per distortion: three of each level."""

RECORD = np.dtype(
    [("score", "<f4"), ("photo", "u1"), ("crop", "u1"), ("kind", "u1"), ("level", "u1"), ("pixels", "u1", (3, SIDE, SIDE))]
)
"""One stored sample. kind: 0 to 24, position in the catalogue of distortions; level: 1 to 5."""

Records = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True)
class Item:
    """What one sample is."""

    photo: int
    crop: int
    kind: int
    level: int


def plan(split: str) -> list[Item]:
    """The samples of ``train``, ``val`` or ``test``, in order. The first 25 k contain every distortion k times.

    Training and validation have every distortion on every crop, at one level each; taken over the crops of a
    photograph the levels are even. Test has every distortion at every level three times, and on every photograph.
    """
    photos = photos_of(split)
    if split == "test":
        return [_test_item(photos, turn, kind) for turn in range(TEST_ROUNDS) for kind in range(KINDS)]
    return [
        Item(photo, crop, kind, (photo + crop + kind) % LEVELS + 1)
        for crop in range(max(PHOTOS[photo].crops for photo in photos))
        for photo in photos
        if crop < PHOTOS[photo].crops
        for kind in range(KINDS)
    ]


def _test_item(photos: Sequence[int], turn: int, kind: int) -> Item:
    number = turn * KINDS + kind
    photo = photos[number % len(photos)]
    return Item(photo, number // len(photos) % PHOTOS[photo].crops, kind, (kind + turn) % LEVELS + 1)


def to_records(items: Sequence[Item], pixels: NDArray[np.uint8], scores: NDArray[np.float32]) -> Records:
    """Records (N,) from pixels (N, SIDE, SIDE, 3) and scores (N,)."""
    records = np.zeros(len(items), RECORD)
    for name in ("photo", "crop", "kind", "level"):
        records[name] = [getattr(item, name) for item in items]
    records["score"] = scores
    records["pixels"] = pixels.transpose(0, 3, 1, 2)
    return records

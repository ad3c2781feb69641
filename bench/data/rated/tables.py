"""Reads the score tables of the rated sets, each in the layout in which it is published."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.foundation.errors import DataError


@dataclass(frozen=True)
class Rating:
    """One rated image."""

    image: Path
    score: float
    """Mean opinion score in the published scale, higher is better."""
    reference: str
    """What it was made from; its own name where nothing was."""
    kind: int | None = None
    """Number of its distortion, from 1."""
    level: int | None = None


def read_kadid(top: Path) -> list[Rating]:
    """KADID-10k: ``dmos.csv`` (dist_img, ref_img, dmos, var) beside ``images/``. Called DMOS, but higher is better."""
    rows = _read_csv(top / "dmos.csv", ("dist_img", "ref_img", "dmos"))
    images = _Images(top / "images")
    ratings = []
    for row in rows:
        numbered = re.fullmatch(r"I\d+_(\d{1,9})_(\d{1,9})\.\w+", row["dist_img"], re.IGNORECASE)
        if numbered is None:
            raise _odd(top / "dmos.csv", row["dist_img"])
        kind, level = map(int, numbered.groups())
        ratings.append(Rating(images.take(row["dist_img"]), _number(row["dmos"], top), row["ref_img"], kind, level))
    images.must_be_used({row["ref_img"].lower() for row in rows})
    return ratings


def read_koniq(top: Path) -> list[Rating]:
    """KonIQ-10k: ``koniq10k_scores_and_distributions.csv`` (image_name, ..., MOS) and its images in 512x384 or 1024x768."""
    rows = _read_csv(top / "koniq10k_scores_and_distributions.csv", ("image_name", "MOS"))
    names = ("koniq10k_512x384", "512x384", "koniq10k_1024x768", "1024x768", "images")
    folder = next((top / name for name in names if (top / name).is_dir()), top / names[0])
    images = _Images(folder)
    ratings = [Rating(images.take(row["image_name"]), _number(row["MOS"], top), row["image_name"]) for row in rows]
    images.must_be_used()
    return ratings


def read_livec(top: Path) -> list[Rating]:
    """LIVE Challenge: ``Data/All{Images,MOS}_release.mat`` and ``Images/``; the training images (t1 to t7) are left out."""
    from scipy.io import loadmat

    columns = []
    for name in ("AllImages_release", "AllMOS_release"):
        path = top / "Data" / f"{name}.mat"
        try:
            columns.append(loadmat(path)[name].ravel())
        except Exception as error:  # scipy answers damage with nearly any exception
            raise DataError(f"{path} cannot be read ({error}).", "Unpack the published archive again.") from error
    names = [str(cell.ravel()[0]) if isinstance(cell, np.ndarray) and cell.size else "" for cell in columns[0]]
    if len(names) != len(columns[1]):
        raise DataError(f"{top / 'Data'} names {len(names):,} images, but has {len(columns[1]):,} scores.", _AGAIN)
    images = _Images(top / "Images")
    ratings = [
        Rating(images.take(name), _number(score, top), name)
        for name, score in zip(names, columns[1], strict=True)
        if not re.fullmatch(r"t\d+\.\w+", name)
    ]
    images.must_be_used()
    return ratings


def read_tid(top: Path) -> list[Rating]:
    """TID2013: lines of ``mos_with_names.txt`` (score, name) and ``distorted_images/``; names differ in case."""
    table = top / "mos_with_names.txt"
    images = _Images(top / "distorted_images")
    ratings = []
    for line in filter(None, map(str.strip, _text(table).splitlines())):
        named = re.fullmatch(r"(\S+)\s+(I(\d+)_(\d{1,9})_(\d{1,9})\.bmp)", line, re.IGNORECASE)
        if named is None:
            raise _odd(table, line)
        score, name, reference, kind, level = named.groups()
        ratings.append(Rating(images.take(name), _number(score, top), reference, int(kind), int(level)))
    images.must_be_used()
    return ratings


_AGAIN = "Unpack the published archive again."


class _Images:
    """The images of one folder by name, whatever their case; each may be taken once."""

    def __init__(self, folder: Path) -> None:
        endings = (".png", ".jpg", ".jpeg", ".bmp")
        try:
            files = [path for path in folder.iterdir() if path.suffix.lower() in endings]
        except OSError as error:
            raise DataError(f"{folder} cannot be listed ({error.strerror}).", _AGAIN) from error
        self.folder, self.left, self.taken = folder, {path.name.lower(): path for path in files}, set[str]()

    def take(self, name: str) -> Path:
        """Raises ``DataError`` if the image is missing or was taken before."""
        key = name.lower()
        if key in self.taken:
            raise DataError(f"The scores of {self.folder} name {name} twice.", _AGAIN)
        if key not in self.left:
            raise DataError(f"The scores of {self.folder} name {name}, which is not there.", _AGAIN)
        self.taken.add(key)
        return self.left.pop(key)

    def must_be_used(self, except_for: Sequence[str] | set[str] = ()) -> None:
        """Raises ``DataError`` if images without a score are left."""
        if left := sorted(set(self.left) - set(except_for)):
            raise DataError(f"{self.folder} holds {len(left):,} images without a score, {left[0]} first.", _AGAIN)


def _read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    reader = csv.DictReader(_text(path).splitlines())
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{path} is no table of commas ({error}).", _AGAIN) from error
    if missing := sorted(set(columns) - set(reader.fieldnames or ())):
        raise DataError(f"{path} has no column {missing[0]!r}.", _AGAIN)
    if any(row[column] is None for row in rows for column in columns):
        raise DataError(f"{path} has a line that is cut short.", _AGAIN)
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read.", _AGAIN) from error


def _number(value: object, top: Path) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"The scores in {top} hold {value!r}, which is no number.", _AGAIN)
    return number


def _odd(path: Path, what: str) -> DataError:
    return DataError(f"{path} holds {what!r}, which is not in the published form.", _AGAIN)

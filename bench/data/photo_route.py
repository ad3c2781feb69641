"""Collects the photographs of ``photos`` from several Debian packages into one folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.data.photo_sources import PHOTOS, Photo, photos_of
from bench.data.routes import DebianRoute, Progress, RouteError


@dataclass(frozen=True)
class PhotoRoute:
    """All packages that hold training or validation photographs; every one is needed."""

    def __str__(self) -> str:
        return f"Debian packages {', '.join(_packages())}"

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        collected = scratch / "photographs"
        collected.mkdir()
        for package, photos in _packages().items():
            place = scratch / package
            place.mkdir()
            unpacked = DebianRoute(package).fetch(place, downloads, progress)
            for photo in photos:
                if not (unpacked / photo.path).is_file():
                    raise RouteError(f"{package} holds no {photo.path}")
                shutil.copyfile(unpacked / photo.path, collected / photo.file)
            shutil.rmtree(place)
        return collected


def _packages() -> dict[str, list[Photo]]:
    """Package to its photographs, in the order of the table."""
    by_package: dict[str, list[Photo]] = {}
    for number in photos_of("train", "val"):
        by_package.setdefault(PHOTOS[number].package, []).append(PHOTOS[number])
    return by_package

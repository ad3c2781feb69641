"""Test data that lie among the packages which foreign code may read, and are hidden from it.

A process that judges sees no labels. It must not find the same images, with their labels, in a package either: the nearest
of them would be the right answer.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

PROJECT_DATA = ("bench/data/embedded", "bench/leaderboards", "leaderboards", "tests", "records")
"""Folders of this project, below the folder of its packages, with images or labels of test sets."""


def hidden(shown: Mapping[str, Path]) -> list[str]:
    """Folders inside of the place over which an empty one is laid. shown: place inside to file or folder outside."""
    places = set()
    for folder in data_folders():
        for inside, outside in shown.items():
            if folder.is_relative_to(outside.resolve()):
                places.add(str(Path(inside) / folder.relative_to(outside.resolve())))
    return sorted(places)


def data_folders() -> list[Path]:
    """Existing folders of this machine with test data: of this project, of installed copies of it, and downloaded ones."""
    from bench.data.stored import data_root

    libraries = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    tops = {Path(__file__).parents[3], *map(Path, libraries | set(filter(None, sys.path)))}
    folders = {top / name for top in tops for name in PROJECT_DATA if (top / "bench" / "boards").is_dir()}
    return sorted(folder.resolve() for folder in {*folders, data_root()} if folder.is_dir())

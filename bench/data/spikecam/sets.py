"""Spike recordings of one's own with classes: ``spikecam:PATH``, or ``spikecam:PATH,T=64,from=first``.

PATH is a folder with a folder for each class and in it ``.dat`` files, or with ``train/`` and ``test/`` of that kind. Each
file needs a ``config.yaml`` beside it or in a folder above, up to PATH. A sample is the spike planes (T, 1, H, W) of 0 and
1 of the T ticks in the middle of a recording (``from=first``: at its beginning); they are read when they are asked for.

Splits: what lies in ``test/`` is ``test``; of what lies in ``train/`` one in ten of each class is ``val``. Without these
folders everything is ``test``. Ids are positions in the order of classes and names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from bench.data.base import Samples, check_number, check_split, held_out
from bench.data.folders.listing import list_folder
from bench.data.paths import composed, is_folder, shown, user_path
from bench.data.rows import FileRows, Part
from bench.data.spikecam.geometry import Geometry
from bench.data.spikecam.stream import SpikeStream
from bench.foundation.errors import DataError

SPLITS = ("test", "train", "val", "train_full")
MOST_TICKS = 4096
_OPTION = re.compile(r"(?P<head>.*),(?P<key>T|from)=(?P<value>\w+)", re.DOTALL | re.ASCII)
_LAYOUT = "Give a folder with a folder for each class, in it .dat files, and a config.yaml."


@dataclass(frozen=True)
class Planes:
    """Reads the ticks of a recording that are a row (T, 1, H, W), bool. top: the folder of the set."""

    top: Path

    def __call__(self, path: Path, part: Part = None) -> NDArray[Any]:
        stream = SpikeStream.open(path, self.top)
        start, stop = part or (0, len(stream))
        return stream.planes(start, stop)[:, None]


def read_spikecam(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` recordings of a split. Raises ``DataError``."""
    check_split(split, SPLITS, "spikecam")
    top, ticks, start = _parsed(spec)
    classes, recordings = _recordings(top, split)
    labels = torch.tensor([label for label, _ in recordings])
    keep = torch.ones(len(labels), dtype=torch.bool)
    if split in ("train", "val"):
        keep = held_out(labels, len(classes)) == (split == "val")
    ids = keep.nonzero()[:, 0]
    check_number(n, len(ids), f"{shown(top)} ({split})")
    ids = ids[:n]
    if not len(ids):
        raise DataError(f"{shown(top)} has no recordings for {split}.", "Ask for another split, or add recordings.")
    paths = [recordings[place][1] for place in ids.tolist()]
    streams = [SpikeStream.open(path, top) for path in paths]
    geometry = _common(streams)
    rows = FileRows.of(
        paths,
        Planes(top),
        (ticks, 1, geometry.height, geometry.width),
        torch.bool,
        [_part(stream, ticks, start) for stream in streams],
    )
    return Samples(rows, labels[ids], ids, f"spikecam:T={ticks},from={start}", split, classes)


def _parsed(spec: str) -> tuple[Path, int, str]:
    """Folder, ticks, and from where on."""
    options: dict[str, str] = {}
    head = spec
    while not is_folder(user_path(head)) and (option := _OPTION.fullmatch(head)):  # a folder may be called so
        options = {option["key"]: option["value"]} | options
        head = option["head"]
    ticks, start = options.get("T", "32"), options.get("from", "middle")
    if not re.fullmatch(r"[1-9]\d{0,3}", ticks, re.ASCII) or int(ticks) > MOST_TICKS:
        raise DataError(f"T={ticks} is no number of ticks from 1 to {MOST_TICKS}.", "Say T=32, for example.")
    if start not in ("first", "middle"):
        raise DataError(f"from={start} is no place in a recording.", "Say from=first or from=middle.")
    top = user_path(head)
    if not is_folder(top):
        raise DataError(f"{shown(top)} is not a folder.", _LAYOUT)
    return top, int(ticks), start


def _recordings(top: Path, split: str) -> tuple[tuple[str, ...], list[tuple[int, Path]]]:
    """Class names, and label and path of each recording, in the order of classes and names."""
    halves = [name for name in ("train", "test") if is_folder(top / name)]
    if not halves and split != "test":
        raise DataError(f"{shown(top)} has no recordings for {split}.", "Put recordings into train/ and test/ there.")
    half = top if not halves else top / ("test" if split == "test" else "train")
    of_all = [list_folder(top / name).folders for name in halves if is_folder(top / name)] or [list_folder(top).folders]
    classes = sorted({composed(folder.name) for folders in of_all for folder in folders})
    if not classes or not is_folder(half):
        raise DataError(f"{shown(half)} has no folders of classes.", _LAYOUT)
    recordings = [
        (classes.index(composed(folder.name)), path)
        for folder in list_folder(half).folders
        for path in list_folder(folder).others
        if path.suffix.lower() == ".dat"
    ]
    if not recordings:
        raise DataError(f"{shown(half)} has no .dat files in its folders.", _LAYOUT)
    return tuple(classes), recordings


def _common(streams: Sequence[SpikeStream]) -> Geometry:
    """The geometry of all. Raises ``DataError`` where they differ."""
    first = streams[0]
    for stream in streams:
        if stream.geometry != first.geometry:
            here, there = (f"{each.geometry.height} x {each.geometry.width}" for each in (stream, first))
            raise DataError(
                f"{shown(stream.path)} is of another camera ({here}) than {shown(first.path)} ({there}).",
                "Keep recordings of different cameras in different folders.",
            )
    return first.geometry


def _part(stream: SpikeStream, ticks: int, start: str) -> tuple[int, int]:
    """The ticks that are a sample. Raises ``DataError`` for a recording that has fewer."""
    if len(stream) < ticks:
        raise DataError(
            f"{shown(stream.path)} has {len(stream):,} planes, fewer than T={ticks}.",
            f"Say T={len(stream)}, or leave it out.",
        )
    first = 0 if start == "first" else (len(stream) - ticks) // 2
    return first, first + ticks

"""Where recordings of N-MNIST, CIFAR10-DVS and DVS128 Gesture lie in the folders that archives and libraries leave."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.data.events.aedat3 import GESTURES, parse_labels
from bench.data.events.reader import read_bytes
from bench.data.paths import is_folder, is_hidden, shown
from bench.data.rows import Part
from bench.foundation.errors import DataError

_AGAIN = "Unpack the whole archive again."

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Recording:
    """One sample."""

    path: Path
    label: int
    place: int
    """Position in the published set, which is the sample's id."""
    part: Part = None


def nmnist(top: Path, half: str) -> list[Recording] | None:
    """half: ``train`` or ``test``. ``Train/5/00001.bin`` (the archives) or ``train/5/00001.npz`` (SpikingJelly), by number.

    None where there is none. Raises ``DataError`` for names that are not those of the set.
    """
    recordings = []
    for folder in _below(top, ("", "NMNIST", "extract", "events_np"), (half.capitalize(), half)):
        for digit in range(10):
            for path in _files(folder / str(digit), (".bin", ".npz")):
                if not path.stem.isascii() or not path.stem.isdecimal() or not 1 <= int(path.stem) <= 60_000:
                    raise DataError(f"{shown(path)} is no recording of N-MNIST.", _AGAIN)
                recordings.append(Recording(path, digit, int(path.stem) - 1))
        if recordings:
            return _in_order(recordings)
    return None


def cifar10_dvs(top: Path) -> list[Recording] | None:
    """``airplane/cifar10_airplane_0.aedat`` (the archives) or ``.npz`` (SpikingJelly); classes take turns.

    None where there is none. Raises ``DataError`` for names that are not those of the set.
    """
    for folder in _below(top, ("", "CIFAR10DVS", "extract", "events_np"), ("",)):
        recordings = []
        for label, name in enumerate(CIFAR_CLASSES):
            for path in _files(folder / name, (".aedat", ".npz", ".aedat4")):
                if path.suffix.lower() == ".aedat4":
                    raise DataError(
                        f"{shown(path)} is an AEDAT 4 file, which may be turned otherwise than the published ones.",
                        "Use the published .aedat files, or events:PATH for the classes of this folder.",
                    )
                numbered = re.fullmatch(rf"cifar10_{name}_(\d{{1,3}})", path.stem, re.ASCII)
                if numbered is None:
                    raise DataError(f"{shown(path)} is no recording of CIFAR10-DVS.", _AGAIN)
                recordings.append(Recording(path, label, int(numbered[1]) * 10 + label))
        if recordings:
            return _in_order(recordings)
    return None


def dvs_gesture(top: Path, half: str) -> list[Recording] | None:
    """half: ``train`` or ``test``. In the order of recordings, then of gestures.

    ``DvsGesture/*.aedat`` with its tables (the archive), ``events_np/train/0/user01_led_0.npz`` (SpikingJelly), or
    ``ibmGestureTrain/user01_led/0.npy`` (Tonic). None where there is none. Raises ``DataError`` for tables that are damaged.
    """
    for folder in _below(top, ("", "DvsGesture", "extract/DvsGesture", "DVSGesture", "DVSGesture/DvsGesture"), ("",)):
        if (folder / f"trials_to_{half}.txt").is_file():
            return _numbered(_gestures_of_archive(folder, folder / f"trials_to_{half}.txt"))
    for folder in _below(top, ("events_np", "", "DVSGesture"), (half,)):
        if gestures := list(_gestures_of_spikingjelly(folder)):
            return _numbered(gestures)
    for folder in _below(top, ("", "DVSGesture"), (f"ibmGesture{half.capitalize()}",)):
        if gestures := list(_gestures_of_tonic(folder)):
            return _numbered(gestures)
    return None


Keyed = tuple[tuple[str, int, int], Path, Part]
"""(recording, label, which of several), file, part: what orders gestures alike in every layout."""


def _gestures_of_archive(folder: Path, trials: Path) -> Iterator[Keyed]:
    for name in _text(trials).split():
        path = folder / name
        if path.suffix != ".aedat" or path.name != name or not path.is_file():
            raise DataError(f"{shown(trials)} names {shown(name)}, which is not there.", _AGAIN)
        table = folder / f"{path.stem}_labels.csv"
        seen: Counter[int] = Counter()
        try:
            gestures = parse_labels(_text(table))
        except ValueError as error:
            raise DataError(f"{shown(table)} {error}.", _AGAIN) from error
        for gesture in gestures:
            yield (path.stem, gesture.label, seen[gesture.label]), path, (gesture.start, gesture.stop)
            seen[gesture.label] += 1


def _gestures_of_spikingjelly(folder: Path) -> Iterator[Keyed]:
    for label in range(GESTURES):
        for path in _files(folder / str(label), (".npz",)):
            numbered = re.fullmatch(r"(user\d+_\w+)_(\d{1,3})", path.stem, re.ASCII)
            if numbered is None:
                raise DataError(f"{shown(path)} is no gesture of DVS128 Gesture.", _AGAIN)
            yield (numbered[1], label, int(numbered[2])), path, None


def _gestures_of_tonic(folder: Path) -> Iterator[Keyed]:
    for recording in sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name)):
        for path in _files(recording, (".npy",)):
            if path.stem not in map(str, range(GESTURES)):
                raise DataError(f"{shown(path)} is no gesture of DVS128 Gesture.", _AGAIN)
            yield (recording.name, int(path.stem), 0), path, None


def _numbered(gestures: Iterable[Keyed]) -> list[Recording]:
    ordered = sorted(gestures, key=lambda keyed: keyed[0])
    return [Recording(path, key[1], place, part) for place, (key, path, part) in enumerate(ordered)]


def _in_order(recordings: Sequence[Recording]) -> list[Recording]:
    ordered = sorted(recordings, key=lambda recording: recording.place)
    for first, second in pairwise(ordered):
        if first.place == second.place:
            raise DataError(f"{shown(second.path)} is there twice, as {shown(first.path)}.", _AGAIN)
    return ordered


def _below(top: Path, folders: Sequence[str], inner: Sequence[str]) -> list[Path]:
    """Those of ``top/folder/inner`` that are folders."""
    return [path for folder in folders for name in inner if is_folder(path := top / folder / name)]


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files of these endings, by name; none where there is no folder."""
    if not is_folder(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name for entry in entries if entry.name.lower().endswith(endings) and not is_hidden(entry.name)
            )
    except OSError as error:
        raise DataError(
            f"{shown(folder)} cannot be listed ({error.strerror}).", "Give yourself the right to read it."
        ) from error
    return [folder / name for name in names]


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(path)} is no text.", _AGAIN) from error

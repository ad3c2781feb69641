"""Event recordings from the user's own copy: ``nmnist:PATH``, ``cifar10dvs:PATH``, ``dvsgesture:PATH``.

How recordings become frames is part of the name (``nmnist:PATH,T=10,by=time,values=counts``; see ``frames.py``) and is kept
in the record. Frames are (T, 2, H, W): 0 and 1, or counts divided by ``peak`` (255 unless said otherwise, so that one event
is one level of an 8-bit image); a network that was trained on counts multiplies by ``peak`` itself. Recordings are read
when they are asked for.

Splits: ``test`` as published; of the training recordings one in ten of each class is ``val``. CIFAR10-DVS has no published
split: for testing are the last 100 recordings of each class in the order of their names, as SpikingJelly's 9 to 1 has them,
or with ``test=first`` those numbered 0 to 99, as TEBN has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.data.base import Samples, check_number, check_split, held_out
from bench.data.events import layouts
from bench.data.events.layouts import CIFAR_CLASSES, Recording
from bench.data.events.reader import FrameReader
from bench.data.events.recording import Sensor
from bench.data.events.spec import EventSpec, not_found, parse_event_spec
from bench.data.paths import shown
from bench.data.rows import FileRows
from bench.foundation.errors import DataError

SPLITS = ("test", "train", "val", "train_full")
GESTURE_NAMES = (
    *("hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise", "right_arm_counter_clockwise"),
    *("left_arm_clockwise", "left_arm_counter_clockwise", "arm_roll", "air_drums", "air_guitar", "other_gestures"),
)

# Of MNIST, whose images were shown to the camera.
_TRAIN_DIGITS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
_TEST_DIGITS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


@dataclass(frozen=True)
class EventSet:
    """Facts of a set."""

    name: str
    title: str
    sensor: Sensor
    classes: tuple[str, ...]
    layouts: str
    """What its folder holds, in words."""


NMNIST = EventSet("nmnist", "N-MNIST", Sensor(34, 34), tuple("0123456789"), "Train/ and Test/, or SpikingJelly's events_np/")
CIFAR10_DVS = EventSet(
    "cifar10dvs", "CIFAR10-DVS", Sensor(128, 128), CIFAR_CLASSES, "airplane/*.aedat and so on, or SpikingJelly's events_np/"
)
DVS_GESTURE = EventSet(
    "dvsgesture",
    "DVS128 Gesture",
    Sensor(128, 128),
    GESTURE_NAMES,
    "DvsGesture/*.aedat with trials_to_test.txt, SpikingJelly's events_np/, or Tonic's ibmGestureTest/",
)

_GESTURES = {"train": (1176, 1077), "test": (288, 264)}
"""Stretches in the archive's tables; those that Tonic's files have."""


def read_nmnist(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` recordings of a split, in MNIST's order; ids are MNIST's. Raises ``DataError``."""
    check_split(split, SPLITS, "nmnist")
    asked = parse_event_spec(spec, T=10)
    half = "test" if split == "test" else "train"
    recordings = layouts.nmnist(asked.top, half)
    if recordings is None:
        raise not_found(asked, f"{half} recordings of N-MNIST", NMNIST.layouts)
    per_class = _TEST_DIGITS if half == "test" else _TRAIN_DIGITS
    _check_counts(recordings, per_class, NMNIST, asked)
    return _samples(NMNIST, asked, recordings, split, n)


def read_cifar10_dvs(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` recordings of a split, classes taking turns. Raises ``DataError``."""
    check_split(split, SPLITS, "cifar10dvs")
    asked = parse_event_spec(spec, T=10, splittable=True)
    recordings = layouts.cifar10_dvs(asked.top)
    if recordings is None:
        raise not_found(asked, "recordings of CIFAR10-DVS", CIFAR10_DVS.layouts)
    _check_counts(recordings, (1000,) * 10, CIFAR10_DVS, asked)
    for_test = _is_first if asked.test == "first" else _is_last
    half = [recording for recording in recordings if for_test(recording) == (split == "test")]
    remarks = (
        ()
        if asked.test
        else (
            "CIFAR10-DVS has no published split: the last 100 recordings of each class by name are for testing, as in "
            "SpikingJelly's 9 to 1; say test=last, or test=first for the first 100, whichever the model was not trained on.",
        )
    )
    return _samples(CIFAR10_DVS, asked, half, split, n, remarks)


def read_dvs_gesture(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` gestures of a split, recording by recording. Raises ``DataError``."""
    check_split(split, SPLITS, "dvsgesture")
    asked = parse_event_spec(spec, T=16)
    half = "test" if split == "test" else "train"
    gestures = layouts.dvs_gesture(asked.top, half)
    if gestures is None:
        raise not_found(asked, f"{half} recordings of DVS128 Gesture", DVS_GESTURE.layouts)
    archive, tonic = _GESTURES[half]
    expected = tonic if gestures[0].path.suffix == ".npy" else archive
    if len(gestures) != expected:
        raise DataError(
            f"{shown(asked.top)} has {len(gestures):,} {half} gestures instead of {expected:,}.", "Unpack it again."
        )
    return _samples(DVS_GESTURE, asked, gestures, split, n)


def _is_first(recording: Recording) -> bool:
    return recording.place // 10 < 100


_LAST_BY_NAME = frozenset(sorted(range(1000), key=lambda number: f"{number}.")[900:])
"""Numbers of the files that come last in the order of text."""


def _is_last(recording: Recording) -> bool:
    return recording.place // 10 in _LAST_BY_NAME


def _check_counts(recordings: Sequence[Recording], expected: Sequence[int], chosen: EventSet, asked: EventSpec) -> None:
    """Raises ``DataError`` for a copy that is not whole."""
    counts = Counter(recording.label for recording in recordings)
    for label, count in enumerate(expected):
        if counts[label] != count:
            raise DataError(
                f"{shown(asked.top)} has {counts[label]:,} recordings of {chosen.classes[label]!r} instead of {count:,}.",
                f"Unpack the whole {chosen.title} again.",
            )


def _samples(
    chosen: EventSet, asked: EventSpec, half: Sequence[Recording], split: str, n: int | None, remarks: tuple[str, ...] = ()
) -> Samples:
    import torch

    labels = torch.tensor([recording.label for recording in half])
    keep = torch.ones(len(labels), dtype=torch.bool)
    if split in ("train", "val"):
        keep = held_out(labels, len(chosen.classes)) == (split == "val")
    places = keep.nonzero()[:, 0].tolist()
    check_number(n, len(places), f"{chosen.name} ({split})")
    recordings = [half[place] for place in places[:n]]
    reader = FrameReader(chosen.sensor, asked.rule, asked.peak)
    rows = FileRows.of(
        [recording.path for recording in recordings],
        reader,
        reader.shape,
        reader.dtype,
        [recording.part for recording in recordings],
    )
    return Samples(
        rows,
        torch.tensor([recording.label for recording in recordings]),
        torch.tensor([recording.place for recording in recordings]),
        f"{chosen.name}:{asked.text}",
        split,
        chosen.classes,
        remarks=remarks,
    )

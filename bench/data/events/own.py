"""A user's own event recordings: one folder per class, named ``events:PATH`` or ``events:PATH,T=10,size=260x346``.

Folders and labels are as for images (see ``folders/classes.py``). Files are of any format in ``reader.py``, and how they
become frames is part of the name as for published sets (see ``sets.py``). All recordings are of cameras of one size. AEDAT 4
files say which, and ``.aedat`` files are of 128 x 128 pixels; for other formats it has to be given, height x width. A
recording is one sample, read when it is asked for.
"""

from __future__ import annotations

from pathlib import Path

from bench.data.base import Samples, check_number, check_split
from bench.data.events.reader import FrameReader, camera_of
from bench.data.events.recording import Sensor
from bench.data.events.spec import EventSpec, parse_event_spec
from bench.data.folders.classes import find_classes
from bench.data.folders.listing import Kind
from bench.data.paths import base_name, shown
from bench.data.rows import FileRows
from bench.foundation.errors import DataError

LARGEST = 1 << 28
"""Cells of a sample, for each of which 8 bytes are taken while it is made."""
RECORDINGS = Kind(
    "recordings",
    frozenset((".bin", ".aedat", ".aedat4", ".npz", ".npy")),
    frozenset((".raw", ".dat", ".es", ".h5", ".hdf5", ".bag", ".mcap", ".mat")),
    "events",
    "Save it as .npz with the columns t (microseconds), x, y and p",
    "Put the recordings of each class into a folder of its own.",
)


def read_own(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` recordings, classes taking turns. Raises ``DataError``.

    split: only ``test``; point at another folder for other splits.
    """
    import torch

    asked = parse_event_spec(spec, T=10, sized=True)
    check_split(split, ("test",), f"events:{shown(asked.top)}")
    classes = find_classes(asked.top, RECORDINGS)
    check_number(n, len(classes.files), shown(asked.top))
    chosen = classes.files[:n]
    sensor = _sensor(chosen[0][0], asked)
    reader = FrameReader(sensor, asked.rule, asked.peak, "Record or export it again, or move it out of the folder.")
    return Samples(
        FileRows.of([path for path, _ in chosen], reader, reader.shape, reader.dtype),
        torch.tensor([label for _, label in chosen]),
        torch.arange(len(chosen)),
        f"events:{base_name(asked.top)},size={sensor.height}x{sensor.width},{asked.text}",
        split,
        classes.names,
        remarks=classes.remarks,
    )


def _sensor(first: Path, asked: EventSpec) -> Sensor:
    """The size of the camera, given or as the first recording has it. Raises ``DataError``."""
    sensor = asked.size or camera_of(first)
    if sensor is None:
        raise DataError(
            f"{shown(first)} does not say how many pixels its camera has.",
            "Give them as height x width: events:PATH,size=260x346.",
        )
    cells = asked.rule.T * 2 * sensor.height * sensor.width
    if cells > LARGEST:
        raise DataError(f"{asked.rule.T} frames of {sensor} pixels are {cells:,} cells.", "Ask for fewer frames.")
    return sensor

"""Reads one recording of any of the formats, and makes it a row of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.events.aedat2 import SENSOR as SENSOR_OF_AEDAT
from bench.data.events.aedat2 import parse_aedat2
from bench.data.events.aedat3 import parse_aedat3
from bench.data.events.aedat4 import LARGEST_HEADER, camera_of_aedat4, parse_aedat4
from bench.data.events.atis import parse_atis
from bench.data.events.frames import FrameRule, frames
from bench.data.events.numpy_files import parse_npy, parse_npz
from bench.data.events.recording import Events, Sensor
from bench.data.paths import shown
from bench.data.rows import Part
from bench.foundation.errors import DataError

LARGEST = 1 << 30
"""Bytes of a recording."""

AGAIN = "Unpack the published archive again."
"""What to do about a damaged file of a published set."""


def read_events(path: Path, sensor: Sensor, part: Part = None, *, fix: str = AGAIN) -> Events:
    """The events of a file, by its ending: ``.bin`` (N-MNIST), ``.aedat`` (2.0 or 3.1), ``.aedat4``, ``.npz``, ``.npy``.

    part: from when to when in microseconds (AEDAT 3.1 only). fix: what to do about a damaged file. Raises ``DataError`` for
    one that is damaged, or of another camera.
    """
    content = read_bytes(path, fix=fix)
    try:
        return _parsed(content, path.suffix.lower(), sensor, part)
    except ValueError as error:
        raise DataError(f"{shown(path)} {error}.", fix) from error


def _parsed(content: bytes, ending: str, sensor: Sensor, part: Part) -> Events:
    """Raises ``ValueError`` with a clause that goes on from the file's name."""
    match ending:
        case ".bin":
            return parse_atis(content, sensor)
        case ".npz":
            return parse_npz(content, sensor)
        case ".npy":
            return parse_npy(content, sensor)
        case ".aedat4":
            return parse_aedat4(content, sensor)
        case ".aedat":
            if sensor != SENSOR_OF_AEDAT:
                raise ValueError(f"is of a camera of {SENSOR_OF_AEDAT} pixels instead of {sensor}")
            is_third = content.startswith(b"#!AER-DAT3")
            return parse_aedat3(content, *(part or (None, None))) if is_third else parse_aedat2(content)
    raise ValueError("is of no format that is read (.bin, .aedat 2.0 and 3.1, .aedat4, .npz, .npy)")


def camera_of(path: Path) -> Sensor | None:
    """The size that a file, or its format, gives to the camera; None where neither does. Raises ``DataError``."""
    match path.suffix.lower():
        case ".aedat":
            return SENSOR_OF_AEDAT
        case ".aedat4" if path.is_file():
            try:
                with path.open("rb") as file:
                    return camera_of_aedat4(file.read(2 * LARGEST_HEADER))
            except ValueError as error:
                raise DataError(f"{shown(path)} {error}.", "Record or export it again.") from error
            except OSError as error:
                raise _unreadable(path, error) from error
    return None


def read_bytes(path: Path, *, fix: str = AGAIN) -> bytes:
    """The content of a regular file of up to 1 GiB. fix: what to do about a larger one. Raises ``DataError``."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise DataError(f"{shown(path)} is no file of up to 1 GiB.", fix)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{shown(path)} cannot be read ({error.strerror}).", "Give yourself the right to read it.")


@dataclass(frozen=True)
class FrameReader:
    """Makes a recording a row (T, 2, H, W): bool for binary frames, uint8 or float32 for counts."""

    sensor: Sensor
    rule: FrameRule
    peak: int = 255
    """Events that are white: a pixel of a counting frame is count / peak."""
    fix: str = AGAIN
    """What to do about a damaged file."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the rows. uint8 where a level is one event, so that an image of 8 bits is a frame of whole counts."""
        if self.rule.values == "binary":
            return torch.bool
        return torch.uint8 if self.peak == 255 else torch.float32

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row."""
        return self.rule.T, 2, self.sensor.height, self.sensor.width

    def __call__(self, path: Path, part: Part = None) -> NDArray[Any]:
        events = read_events(path, self.sensor, part, fix=self.fix)
        try:
            made = frames(events, self.rule, self.sensor)
        except ValueError as error:
            raise DataError(f"{shown(path)} {error}.", "Ask for fewer frames.") from error
        if self.rule.values == "binary":
            return made.astype(np.bool_)
        most = int(made.max())
        if most > self.peak:
            raise DataError(
                f"{shown(path)} has {most:,} events in one pixel of one frame, more than the peak of {self.peak}.",
                f"Ask for more frames, or for peak={most}.",
            )
        return made.astype(np.uint8) if self.peak == 255 else (made / self.peak).astype(np.float32)

"""Many short recordings of one small camera in few bytes: as they are kept on disk, and as they ship.

Kept: for each recording the number of events in every millisecond, then every event's place, in order of time. Shipped: the
same events ordered by place, as numbers of events and steps of time, compressed by LZMA (2.6 bits an event instead of 16).
Both are exact.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint16]

LARGEST = 1 << 28
"""Bytes that shipped recordings may take unpacked, a guard against a file that unpacks without end."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """N recordings of L milliseconds from a camera of ``places`` places (polarity, row and column as one number).

    counts: ``(N, L)``, events in each millisecond. places: ``(E,)``, ordered by recording, millisecond and place.
    """

    counts: Numbers
    places: Numbers

    def __post_init__(self) -> None:
        if self.counts.ndim != 2 or self.places.shape != (int(self.counts.sum()),):
            raise ValueError(f"{len(self.places):,} events do not belong to counts of {int(self.counts.sum()):,}")

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, start: int, stop: int) -> Recordings:
        """Those from ``start`` to ``stop``, or to the last."""
        ends = np.concatenate([[0], self.counts.sum(1, dtype=np.int64).cumsum()])
        return Recordings(self.counts[start:stop], self.places[ends[start] : ends[min(stop, len(self))]])

    def when(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Recording and millisecond of each event, ``(E,)`` each."""
        recording, millisecond = np.divmod(np.arange(self.counts.size), self.counts.shape[1])
        repeats = self.counts.ravel()
        return np.repeat(recording, repeats), np.repeat(millisecond, repeats)


def binary_frames(recordings: Recordings, *, frames: int, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Frames ``(N, frames, *shape)`` of equal time from the beginning of each recording: whether an event fell into a cell.

    shape: polarities, rows and columns. Raises ``ValueError`` unless ``frames`` divides the milliseconds.
    """
    length, rest = divmod(recordings.counts.shape[1], frames)
    if rest:
        raise ValueError(f"{recordings.counts.shape[1]} milliseconds are no {frames} frames of equal length")
    made = np.zeros((len(recordings), frames, int(np.prod(shape))), np.bool_)
    for start in range(0, len(recordings), 1000):
        part = recordings.take(start, start + 1000)
        recording, millisecond = part.when()
        made[recording + start, millisecond // length, part.places] = True
    return made.reshape(-1, frames, *shape)


def shipped(recordings: Recordings, *, places: int) -> bytes:
    """Compressed. places: number of places of the camera."""
    recording, millisecond = recordings.when()
    cell = recording * places + recordings.places
    order = np.argsort(cell, kind="stable")
    cell, time = cell[order], millisecond[order]
    first = np.concatenate([[True], cell[1:] != cell[:-1]])[: len(cell)]
    step = np.where(first, time, np.diff(time, prepend=0)).astype("<u2")
    events_of_cell = np.bincount(cell, minlength=len(recordings) * places).astype("<u2")
    # High bytes are nearly all zero: by themselves they cost nothing.
    planes = [events_of_cell, step[first], step[~first]]
    return lzma.compress(b"".join(bytes(plane.view(np.uint8)[half::2]) for plane in planes for half in (0, 1)), preset=9)


def unshipped(content: bytes, *, number: int, milliseconds: int, places: int) -> Recordings:
    """The ``number`` recordings in ``content``. Raises ``ValueError`` for anything that is none."""
    decompressor = lzma.LZMADecompressor()
    try:
        planes = np.frombuffer(decompressor.decompress(content, LARGEST), np.uint8)
    except lzma.LZMAError as error:
        raise ValueError(f"it is not compressed by LZMA ({error})") from error
    cells = number * places
    if not decompressor.eof or len(planes) < 2 * cells:
        raise ValueError("it is cut short, or too large")
    events_of_cell = _numbers(planes[: 2 * cells])
    with_events = events_of_cell[events_of_cell > 0]
    events = int(events_of_cell.sum())
    if len(planes) != 2 * cells + 2 * events:
        raise ValueError(f"it holds {(len(planes) - 2 * cells) // 2:,} events instead of {events:,}")
    starts = np.cumsum(with_events) - with_events
    is_first = np.zeros(events, np.bool_)
    is_first[starts] = True
    split = 2 * cells + 2 * len(starts)
    steps = np.empty(events, np.int64)
    steps[is_first], steps[~is_first] = _numbers(planes[2 * cells : split]), _numbers(planes[split:])
    total = steps.cumsum()
    time = total - np.repeat(total[starts] - steps[starts], with_events)
    if events and int(time.max()) >= milliseconds:
        raise ValueError(f"it has an event after {milliseconds} milliseconds")
    recording, place = np.divmod(np.repeat(np.arange(cells), events_of_cell), places)
    order = np.lexsort((place, time, recording))
    counts = np.bincount(recording * milliseconds + time, minlength=number * milliseconds)
    return Recordings(counts.reshape(number, milliseconds).astype(np.uint16), place[order].astype(np.uint16))


def _numbers(planes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers of two bytes, all low ones first."""
    half = len(planes) // 2
    numbers: NDArray[np.int64] = planes[:half].astype(np.int64) + 256 * planes[half:].astype(np.int64)
    return numbers

"""Spike recordings packed bit by bit, in plain Python, as the format is described."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def packed_by_hand(planes: NDArray[np.bool_], stored_width: int, columns: list[int]) -> bytes:
    """Planes (T, H, W), the first row at the top, as a ``.dat`` file: rows from the bottom up, lowest bit first.

    columns: where in a row of ``stored_width`` bits each of the W pixels lies.
    """
    ticks, height, _ = planes.shape
    plane_bytes = height * stored_width // 8
    content = bytearray(ticks * plane_bytes)
    for tick, row, column in np.argwhere(planes).tolist():
        bit = (height - 1 - row) * stored_width + columns[column]
        content[tick * plane_bytes + bit // 8] |= 1 << bit % 8
    return bytes(content)


def put_recording(folder: Path, content: bytes, height: int, width: int, name: str = "spikes.dat") -> Path:
    """A file with its configuration beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(f"spike_h: {height}\nspike_w: {width}\nis_labeled: false\n")
    path = folder / name
    path.write_bytes(content)
    return path

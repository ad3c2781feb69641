"""Writes recordings, block by block, with their configuration beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bench.data.paths import shown
from bench.data.spikecam.config import write_geometry
from bench.data.spikecam.geometry import Geometry
from bench.data.spikecam.packed import pack
from bench.foundation.errors import DataError


def write_recording(path: Path, blocks: Iterable[NDArray[Any]], geometry: Geometry) -> int:
    """Write blocks of planes (T, H, W), bool or 0 and 1, to ``path``; the number of planes.

    The file appears under its name when all of it is written. Raises ``DataError`` where it cannot be written, where
    there is nothing to write, and where a ``config.yaml`` for planes of another size lies beside it; ``ValueError`` for
    planes that are none of this geometry.
    """
    unfinished = path.with_name(f"{path.name}.part")
    planes = 0
    try:
        write_geometry(path, geometry)
        with unfinished.open("wb") as file:
            for block in blocks:
                file.write(pack(block, geometry).tobytes())
                planes += len(block)
        if not planes:
            raise DataError("There are no planes to write.", "Ask for at least one tick.")
        unfinished.replace(path)
    except OSError as error:
        raise DataError(
            f"{shown(path)} cannot be written ({error.strerror}).", "Choose a folder in which you may write."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return planes

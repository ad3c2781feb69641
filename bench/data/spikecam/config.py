"""The ``config.yaml`` beside a recording: how large its planes are.

Read are ``spike_h`` and ``spike_w``, as SpikeCV writes them, and two keys of this suite for recordings that differ from
what ``geometry.py`` assumes: ``rows`` (``bottom_up`` or ``top_down``) and ``idle_columns`` (``[[500, 512], [1012, 1024]]``,
each a first column and one behind the last, in rows of as many bits as pixels and idle columns together). Other keys are
left alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bench.data.paths import is_file, shown
from bench.data.spikecam.geometry import Columns, Geometry, usual_idle
from bench.foundation.errors import DataError
from zoo.plain_yaml import load_plain

CONFIG = "config.yaml"
LARGEST = 64 * 1024
"""Bytes of a configuration."""
MOST_RANGES = 64
_HOW = "Write spike_h: 250 and spike_w: 400 into it, or the size of your camera."


def read_geometry(recording: Path, top: Path | None = None) -> Geometry:
    """The geometry in the configuration that lies beside a file.

    top: a folder above; the configuration may lie in any folder from there on, and the nearest one counts.
    Raises ``DataError`` if there is none, or a wrong one.
    """
    folders = [recording.parent]
    if top is not None and recording.parent.is_relative_to(top):
        folders += [folder for folder in recording.parent.parents if folder.is_relative_to(top)]
    path = next((folder / CONFIG for folder in folders if is_file(folder / CONFIG)), None)
    if path is None:
        raise DataError(f"There is no {CONFIG} beside {shown(recording)}.", f"Put one there. {_HOW}")
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{shown(path)} is larger than a configuration.", _HOW)
        content = load_plain(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(
            f"{shown(path)} cannot be read ({error.strerror}).", "Give yourself the right to read it."
        ) from error
    except ValueError as error:
        raise DataError(f"{shown(path)} is no YAML of plain values.", _HOW) from error
    try:
        return _geometry(content)
    except ValueError as error:
        raise DataError(f"{shown(path)} {error}.", _HOW) from error


def _geometry(content: Any) -> Geometry:
    """Raises ``ValueError`` with a clause that goes on from the file's name."""
    if not isinstance(content, dict):
        raise ValueError("holds no keys and values")
    height, width = (_number(content, key) for key in ("spike_h", "spike_w"))
    rows = content.get("rows", "bottom_up")
    if rows not in ("bottom_up", "top_down"):
        raise ValueError("says rows other than bottom_up and top_down")
    idle = _columns(content["idle_columns"]) if "idle_columns" in content else usual_idle(height, width)
    return Geometry(height, width, width + sum(stop - first for first, stop in idle), idle, rows == "bottom_up")


def _number(content: dict[Any, Any], key: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"has no whole number under {key}")
    return value


def _columns(value: Any) -> Columns:
    is_pairs = isinstance(value, list) and len(value) <= MOST_RANGES and all(_is_pair(pair) for pair in value)
    if not is_pairs:
        raise ValueError("has idle_columns that are no list of pairs of whole numbers")
    return tuple((first, stop) for first, stop in value)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(type(end) is int for end in pair)


def write_geometry(recording: Path, geometry: Geometry) -> None:
    """Write a configuration beside a recording; one that says the same is left as it is.

    Raises ``DataError`` if one is there that says something else.
    """
    path = recording.parent / CONFIG
    if path.exists():
        if read_geometry(recording) != geometry:
            raise DataError(
                f"{shown(path)} describes planes of another size.", "Write the recording into a folder of its own."
            )
        return
    content: dict[str, Any] = {"spike_h": geometry.height, "spike_w": geometry.width, "is_labeled": False}
    if not geometry.bottom_up:
        content["rows"] = "top_down"
    if geometry.idle != usual_idle(geometry.height, geometry.width):
        content["idle_columns"] = [list(columns) for columns in geometry.idle]
    unfinished = path.with_name(f"{path.name}.part")  # one that is cut would be in the way of every later recording
    unfinished.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    unfinished.replace(path)

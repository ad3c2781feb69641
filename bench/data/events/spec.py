"""What follows ``nmnist:``: a path, and how its recordings become frames, ``PATH,T=16,by=time,values=counts``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.events.frames import FrameRule
from bench.data.events.recording import Sensor
from bench.data.paths import is_folder, shown, user_path
from bench.foundation.errors import DataError

_OPTION = re.compile(r"(?P<head>.*),(?P<key>[A-Za-z_]+)=(?P<value>[A-Za-z0-9_]+)", re.DOTALL)
_NUMBERS = ("T", "bin_us", "peak")
_WORDS = ("by", "values", "rest")
_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})", re.ASCII)
_HOW = "Use T=10, by=count or by=time, values=binary or values=counts, rest=last or rest=drop, bin_us=1000, peak=255"


@dataclass(frozen=True)
class EventSpec:
    """What was asked for."""

    top: Path
    rule: FrameRule
    peak: int
    test: str | None
    """Which samples are for testing, of a set without a published split: ``first`` or ``last``."""
    size: Sensor | None = None
    """Of the camera, where it was given."""

    @property
    def text(self) -> str:
        """The rule in words of the spec, every default written out."""
        rule = self.rule
        parts = [f"T={rule.T}", f"by={rule.by}", f"values={rule.values}"]
        parts.append(f"rest={rule.rest}" if rule.bin_us is None else f"bin_us={rule.bin_us}")
        if rule.values == "counts":
            parts.append(f"peak={self.peak}")
        return ",".join(parts)


def parse_event_spec(spec: str, *, T: int, splittable: bool = False, sized: bool = False) -> EventSpec:
    """T: frames, unless the spec says another number.

    splittable: whether ``test=first`` makes sense. sized: whether ``size=260x346`` (height x width) does.

    Raises ``DataError`` for an option that is none.
    """
    options: dict[str, str] = {}
    head = spec
    while not is_folder(user_path(head)) and (option := _OPTION.fullmatch(head)):  # a folder may be called so
        options = {option["key"]: option["value"]} | options
        head = option["head"]
    known = (*_NUMBERS, *_WORDS, *(("test",) if splittable else ()), *(("size",) if sized else ()))
    how = f"{_HOW}{', test=first or test=last' if splittable else ''}{', size=260x346' if sized else ''}."
    if unknown := [key for key in options if key not in known]:
        raise DataError(f"{unknown[0]!r} is no option of recordings.", how)
    numbers: dict[str, Any] = {}
    for key in _NUMBERS:
        if key in options:
            if not re.fullmatch(r"[1-9]\d{0,8}", options[key], re.ASCII):
                raise DataError(f"{key}={options[key]} is no number from 1.", how)
            numbers[key] = int(options[key])
    peak = numbers.pop("peak", 255)
    words: dict[str, Any] = {key: options[key] for key in _WORDS if key in options}
    try:
        rule = replace(FrameRule(T=T), **words, **numbers)
    except ValueError as error:
        raise DataError(f"The frames cannot be made: {error}.", how) from error
    if options.get("test") not in (None, "first", "last"):
        raise DataError(f"test={options['test']} names no samples.", how)
    size = _SIZE.fullmatch(options["size"]) if "size" in options else None
    if "size" in options and size is None:
        raise DataError(f"size={options['size']} is no height x width up to 9999 pixels.", how)
    if "peak" in options and rule.values == "binary":
        raise DataError("A binary frame has no peak.", "Leave peak out, or say values=counts.")
    sensor = None if size is None else Sensor(int(size[1]), int(size[2]))
    return EventSpec(user_path(head), rule, peak, options.get("test"), sensor)


def not_found(spec: EventSpec, what: str, layouts: str) -> DataError:
    """The error for a folder that holds no such set."""
    if not is_folder(spec.top):
        return DataError(f"{shown(spec.top)} is not a folder.", "Name the folder into which the archive was unpacked.")
    return DataError(f"{shown(spec.top)} holds no {what}.", f"Name the folder that holds {layouts}.")

"""``PATH``, ``PATH,size=32``, ``PATH,size=HEIGHTxWIDTH`` or ``PATH,crop=SIDE``: what follows ``folder:``."""

from __future__ import annotations

import re
from pathlib import Path

from bench.data.images.fit import Crop, Fit, Resize
from bench.data.paths import is_folder, shown, user_path
from bench.foundation.errors import DataError

_SIZE = re.compile(r"([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?")
_SIDE = re.compile(r"[1-9]\d{0,3}")


def parse_spec(spec: str) -> tuple[Path, Fit | None]:
    """The folder, and how its images are made to fit. Raises ``DataError`` for an unknown option."""
    whole = user_path(spec)
    head, comma, option = spec.rpartition(",")
    key, equals, value = option.partition("=")
    if not comma or not equals or is_folder(whole):  # a folder may be called so
        return whole, None
    top = user_path(head)
    if key == "size" and (size := _SIZE.fullmatch(value)):
        return top, Resize(int(size[1]), int(size[2] or size[1]))
    if key == "crop" and _SIDE.fullmatch(value):
        return top, Crop(int(value))
    raise DataError(
        f"{shown(option)!r} is no option of a folder.", "Use size=32, size=24x32 (height x width) or crop=96, up to 9999."
    )

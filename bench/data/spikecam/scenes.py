"""Pictures of another data set as scenes that stand still over the ticks of a camera: ``scenes:cifar10,T=32``.

A scene is ``(T, C, H, W)``, T times the same picture. It is the input for an attacker whose light may flicker: under the
threat ``flicker`` every tick of it may be changed by itself. T must be the camera's number of ticks. Splits, labels and ids
are those of the pictures; they lie in memory once, not T times.
"""

from __future__ import annotations

import re
from dataclasses import replace

from torch import Tensor

from bench.data.base import Samples
from bench.foundation.errors import DataError

MOST_TICKS = 4096
USUAL_TICKS = 32
"""Those of the cameras of the zoo."""
_SPEC = re.compile(r"(?P<pictures>.+?)(?:,T=(?P<ticks>\w+))?", re.DOTALL | re.ASCII)


def read_scenes(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` scenes of a split of ``PICTURES`` or ``PICTURES,T=TICKS``.

    Raises ``DataError`` for a number of ticks that is none, for pictures that lie on disk until they are asked for, and for
    data that have a time axis of their own; and what loading the pictures raises.
    """
    from bench.data import load_samples

    asked = _SPEC.fullmatch(spec)
    name, ticks = (asked["pictures"], asked["ticks"] or str(USUAL_TICKS)) if asked else ("", "")
    if not re.fullmatch(r"[1-9]\d{0,3}", ticks, re.ASCII) or int(ticks) > MOST_TICKS:
        raise DataError(f"T={ticks} is no number of ticks from 1 to {MOST_TICKS}.", "Say T=32, for example.")
    pictures = load_samples(name, split=split, n=n)
    if not isinstance(pictures.source, Tensor) or len(pictures.shape) != 4:
        raise DataError(
            f"{name} has samples of shape {pictures.shape[1:]}, which are no pictures in memory.",
            "Name a set of pictures (C, H, W): scenes:cifar10,T=32.",
        )
    source = pictures.source[:, None].expand(-1, int(ticks), -1, -1, -1)
    return replace(pictures, source=source, name=f"scenes:{pictures.name},T={ticks}")

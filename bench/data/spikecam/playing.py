"""Pictures of a recording, one window after another, from the packed planes.

TFP is the share of ticks at which a pixel fired (Zhu et al., ICME 2019); TFI is the inverse of the interval between two
spikes (ibid.). The differentiable versions, for networks, are in :mod:`zoo.cameras.reconstruction`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.data.spikecam.counting import count_spikes
from bench.data.spikecam.packed import as_picture
from bench.data.spikecam.stream import SpikeStream

Picture = NDArray[np.float32]
"""(H, W) in [0, 1]."""


def key_ticks(stream: SpikeStream, half: int, every: int) -> range:
    """Ticks ``every`` so many whose windows of ``2 half + 1`` ticks lie in the recording.

    Raises ``ValueError`` for a window that is longer than the recording, and for numbers that are none.
    """
    if half < 0 or every < 1:
        raise ValueError(f"half a window has 0 or more ticks and steps have 1 or more, not {half} and {every}")
    if 2 * half + 1 > len(stream):
        raise ValueError(f"a window of {2 * half + 1} ticks is longer than the recording of {len(stream):,}")
    return range(half, len(stream) - half, every)


def tfp_pictures(stream: SpikeStream, half: int, every: int) -> Iterator[Picture]:
    """Share of the ticks ``k - half`` to ``k + half`` at which each pixel fired, for each key tick k."""
    for key in key_ticks(stream, half, every):
        counts = count_spikes(stream.packed(key - half, key + half + 1))
        yield as_picture(counts[None], stream.geometry)[0].astype(np.float32) / np.float32(2 * half + 1)


def tfi_pictures(stream: SpikeStream, window: int, every: int) -> Iterator[Picture]:
    """Inverse interval, in ticks, around each key tick, as :func:`zoo.cameras.reconstruction.tfi` defines it.

    ``window``: ticks that are searched on each side. Raises ``ValueError`` for none, and like :func:`key_ticks`.
    """
    if window < 1:
        raise ValueError(f"an interval is searched for in 1 or more ticks on each side, not {window}")
    for key in key_ticks(stream, window, every):
        bits = np.unpackbits(stream.packed(key - window + 1, key + window + 1), axis=1, bitorder="little")
        before, after = bits[window - 1 :: -1], bits[window:]
        interval = before.argmax(0) + after.argmax(0) + 1
        complete = before.any(0) & after.any(0)
        values = np.where(complete, 1 / interval, 1 / (2 * window)).astype(np.float32)
        yield as_picture(values[None], stream.geometry)[0]

"""Turns events into frames (T, 2, H, W) by an explicit rule: libraries differ, and networks depend on it.

``by="count"``: N events are cut into T runs of N // T. ``by="time"``: the time from the first to the last event is cut into
T bins of (t_last - t_first) // T microseconds. What is left over after the last cut goes into the last frame
(``rest="last"``, SpikingJelly) or is dropped (``rest="drop"``, Tonic). With ``bin_us`` the bins of ``by="time"`` have that
many microseconds and begin at the first event: a shorter recording ends in empty frames, and of a longer one the rest is
dropped.

A frame holds 1 where at least one event fell (``values="binary"``), or how many did (``values="counts"``). Channel 0 is
darker, channel 1 brighter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.events.recording import Events, Integers, Sensor

MOST_FRAMES = 1000


@dataclass(frozen=True, kw_only=True)
class FrameRule:
    """How events become frames. Raises ``ValueError`` for a rule that makes none."""

    T: int = 10
    by: Literal["time", "count"] = "count"
    values: Literal["binary", "counts"] = "binary"
    rest: Literal["last", "drop"] = "last"
    bin_us: int | None = None
    """Microseconds of a frame; None: what the recording's length gives."""

    def __post_init__(self) -> None:
        if not 1 <= self.T <= MOST_FRAMES:
            raise ValueError(f"T must be 1 to {MOST_FRAMES}, not {self.T}")
        for name, value, known in (
            ("by", self.by, ("time", "count")),
            ("values", self.values, ("binary", "counts")),
            ("rest", self.rest, ("last", "drop")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be {known[0]} or {known[1]}, not {value}")
        if self.bin_us is not None and (self.by != "time" or not 1 <= self.bin_us <= 10**9):
            raise ValueError("bin_us is a number of microseconds from 1, and goes with by=time")


def frames(events: Events, rule: FrameRule, sensor: Sensor) -> NDArray[np.int64]:
    """Counts (T, 2, H, W), or 0 and 1. Raises ``ValueError`` with a clause that goes on from a recording's name."""
    places = _frame_of_each(events, rule)
    in_frame = (places >= 0) & (places < rule.T)
    shape = (rule.T, 2, sensor.height, sensor.width)
    flat = np.ravel_multi_index((places[in_frame], events.p[in_frame], events.y[in_frame], events.x[in_frame]), shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    return np.minimum(counts, 1) if rule.values == "binary" else counts


def _frame_of_each(events: Events, rule: FrameRule) -> Integers:
    """Number of the frame of each event, (N,); T or more for those that are dropped."""
    length = len(events) // rule.T if rule.by == "count" else (int(events.t[-1] - events.t[0])) // rule.T
    if rule.bin_us is not None:
        windows: Integers = (events.t - events.t[0]) // rule.bin_us
        return windows
    if length == 0:
        has = f"{len(events):,} events" if rule.by == "count" else f"{int(events.t[-1] - events.t[0])} microseconds"
        raise ValueError(f"has {has}, too few for {rule.T} frames")
    position: Integers = np.arange(len(events)) if rule.by == "count" else events.t - events.t[0]
    places: Integers = position // length
    return np.minimum(places, rule.T - 1) if rule.rest == "last" else places

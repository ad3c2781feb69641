"""Frames from events, against the rules of the libraries written out event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.recordings import events

from bench.data.events.frames import FrameRule, frames
from bench.data.events.recording import Events, Sensor

SENSOR = Sensor(5, 4)


def few(times: list[int]) -> Events:
    t = np.sort(np.array(times, np.int64))
    place = np.arange(len(t))
    return Events(t, place % SENSOR.width, place % SENSOR.height, place % 2)


def by_hand(given: Events, rule: FrameRule) -> NDArray[Any]:
    """The frames, one event at a time. A frame's bounds are those of each library's published rule."""
    made = np.zeros((rule.T, 2, SENSOR.height, SENSOR.width), np.int64)
    n, first = len(given), int(given.t[0])
    for i in range(n):
        for frame in range(rule.T):
            if rule.by == "count":
                size = n // rule.T
                inside = frame * size <= i < (frame + 1) * size
                left_over = i >= rule.T * size
            else:
                size = rule.bin_us or (int(given.t[-1]) - first) // rule.T
                inside = first + frame * size <= given.t[i] < first + (frame + 1) * size
                left_over = given.t[i] >= first + rule.T * size and rule.bin_us is None
            if inside or (left_over and rule.rest == "last" and frame == rule.T - 1):
                made[frame, given.p[i], given.y[i], given.x[i]] += 1
    return made if rule.values == "counts" else (made > 0).astype(np.int64)


RULES = [
    FrameRule(T=3, by=by, values=values, rest=rest)
    for by in ("time", "count")
    for values in ("binary", "counts")
    for rest in ("last", "drop")
] + [FrameRule(T=3, by="time", bin_us=7), FrameRule(T=50, by="time", bin_us=7, values="counts")]


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(times=st.lists(st.integers(0, 60), min_size=3, max_size=40))
def test_the_rules_of_the_libraries(rule: FrameRule, times: list[int]) -> None:
    recorded = few(times)
    if rule.by == "time" and rule.bin_us is None and recorded.t[-1] - recorded.t[0] < rule.T:
        with pytest.raises(ValueError, match="too few for 3 frames"):
            frames(recorded, rule, SENSOR)
        return
    np.testing.assert_array_equal(frames(recorded, rule, SENSOR), by_hand(recorded, rule))


def test_where_the_libraries_differ() -> None:
    recorded = few([0, 10, 20, 30, 40, 50, 60])
    for by, dropped in (("count", 1), ("time", 1)):
        for rest, kept in (("last", 7), ("drop", 7 - dropped)):
            rule = FrameRule(T=3, by=by, values="counts", rest=rest)  # type: ignore[arg-type]
            assert int(frames(recorded, rule, SENSOR).sum()) == kept


def test_no_event_is_lost_and_none_is_doubled() -> None:
    recorded = events(5000)
    for by in ("time", "count"):
        made = frames(recorded, FrameRule(T=7, by=by, values="counts"), Sensor(34, 34))  # type: ignore[arg-type]
        assert made.shape == (7, 2, 34, 34) and int(made.sum()) == 5000
        assert int(made[:, 1].sum()) == int(recorded.p.sum())
        assert made.sum((0, 1)).tolist() == np.histogram2d(recorded.y, recorded.x, 34, ((0, 34), (0, 34)))[0].tolist()


def test_too_few_events() -> None:
    with pytest.raises(ValueError, match="has 3 events, too few for 4 frames"):
        frames(few([1, 2, 3]), FrameRule(T=4), SENSOR)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"T": 0}, "T must be 1 to 1000, not 0"),
        ({"T": 10**9}, "T must be"),
        ({"by": "number"}, "by must be time or count, not number"),
        ({"values": "mean"}, "values must be"),
        ({"rest": "pad"}, "rest must be"),
        ({"bin_us": 5}, "goes with by=time"),
        ({"bin_us": 0, "by": "time"}, "from 1"),
    ],
)
def test_rules_that_make_no_frames(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FrameRule(**parameters)

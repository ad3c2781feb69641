"""The scatter of events marks what an attack added and removed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bench
from bench.foundation.errors import RecordError
from reports.all_figures import saved_drawings
from reports.event_scatter import changes_of, event_scatter
from reports.paper_style import PAGE
from reports.picks import Pick

CLEAN = np.zeros((3, 2, 4, 5), np.float32)
CLEAN[0, 1, 2, 3] = CLEAN[1, 0, 0, 0] = CLEAN[2, 0, 1, 1] = 1 / 255
ADVERSARIAL = CLEAN.copy()
ADVERSARIAL[1, 0, 0, 0] = 0
ADVERSARIAL[2, 1, 3, 4] = 1 / 255
ADVERSARIAL[2, 0, 1, 1] = 2 / 255


def pick(events: tuple[np.ndarray, np.ndarray] | None) -> Pick:
    picture = np.zeros((4, 5, 3), np.float32)
    return Pick(7, picture, picture, "nine", "four", True, events)


def test_events_are_kept_added_or_removed() -> None:
    changes = changes_of(CLEAN, ADVERSARIAL)
    assert changes.kept.tolist() == [[0, 1, 2, 3]]
    assert changes.added.tolist() == [[2, 0, 1, 1], [2, 1, 3, 4]]
    assert changes.removed.tolist() == [[1, 0, 0, 0]]


def test_every_event_is_a_point_of_both_panels() -> None:
    figure = event_scatter([pick((CLEAN, ADVERSARIAL)), pick(None)])
    above, below = figure.axes
    columns, rows = ([points.get_offsets()[:, 1].tolist() for points in axes.collections] for axes in (above, below))
    assert columns == [[3], [0], [1, 4]]  # kept, removed, added
    assert rows == [[2], [0], [1, 3]]
    assert above.texts[0].get_text() == "sample 7: nine → four\nadded in 2 cells, removed in 1"
    with pytest.raises(RecordError, match="no recordings"):
        event_scatter([pick(None)])


@pytest.mark.slow
def test_a_record_with_saved_recordings_has_a_scatter(tmp_path: Path) -> None:
    record = bench.evaluate(
        "zoo:snn_ev_vanilla", attack="frame", norm="events_l0", eps="10%", n=2, out=tmp_path, save_adv=True
    )
    (folder,) = tmp_path.glob("zoo-*")
    (drawing,) = saved_drawings(record, folder)
    assert drawing.name == "events-snn_ev_vanilla-10percent"
    figure = drawing.draw(width=PAGE)
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == PAGE

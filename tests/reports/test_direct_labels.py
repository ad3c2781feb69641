"""Labels stand beside each other without overlapping, as near to their points as that allows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.optimize import minimize

from reports.direct_labels import Named, height_for, label_at_the_right, spread

WISHES = st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=12)


@given(WISHES)
def test_places_keep_their_distance_their_bounds_and_the_order_of_the_wishes(wanted: list[float]) -> None:
    places = spread(wanted, pitch=0.05, low=0, high=1)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    ordered = sorted(places)
    assert all(after - before >= 0.05 - 1e-9 for before, after in itertools.pairwise(ordered))
    by_wish = [places[index] for index in sorted(range(len(wanted)), key=lambda index: wanted[index])]
    assert by_wish == ordered


def test_wishes_that_are_far_enough_apart_are_granted() -> None:
    assert spread([0.9, 0.1, 0.5], pitch=0.2, low=0, high=1) == pytest.approx([0.9, 0.1, 0.5])


def test_places_are_the_nearest_ones() -> None:
    """Against a general optimiser: least squares under the same constraints."""
    wanted = np.array([0.1, 0.12, 0.13, 0.6, 0.61, 0.99])
    limits = [{"type": "ineq", "fun": lambda x, k=k: x[k + 1] - x[k] - 0.08} for k in range(len(wanted) - 1)]
    start = np.linspace(0, 1, len(wanted))

    def distance(places: np.ndarray) -> float:
        return float(((places - wanted) ** 2).sum())

    best = minimize(distance, start, bounds=[(0, 1)] * len(wanted), constraints=limits, method="SLSQP")
    places = np.array(spread(wanted.tolist(), pitch=0.08, low=0, high=1))
    assert best.success
    assert distance(places) <= best.fun + 1e-6
    assert places == pytest.approx(best.x, abs=1e-2)


def test_equal_wishes_are_centred_and_stand_in_their_order() -> None:
    assert spread([0.5, 0.5, 0.5], pitch=0.1, low=0, high=1) == pytest.approx([0.4, 0.5, 0.6])
    assert spread([0.0, 0.0], pitch=0.1, low=0, high=1) == pytest.approx([0.0, 0.1])


def test_more_labels_than_there_is_room_for_are_refused() -> None:
    assert spread([0.5] * 11, pitch=0.1, low=0, high=1) == pytest.approx([number / 10 for number in range(11)])
    with pytest.raises(ValueError, match="12 labels"):
        spread([0.5] * 12, pitch=0.1, low=0, high=1)


@pytest.mark.parametrize("count", [1, 7, 30])
def test_texts_of_a_figure_do_not_overlap_and_lie_within_it(count: int) -> None:
    figure = Figure(figsize=(3.25, height_for(count, 2.4)), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    label_at_the_right(figure, axes, [Named(1.0, 0.0, f"model_{number}", "#000000", "o") for number in range(count)])
    figure.draw_without_rendering()
    # That of an annotation would hold its line as well.
    boxes = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)
    assert len(boxes) == count
    # A box is as high as the tallest letter of the font; the letters of these names leave a tenth of it free.
    assert all(lower.y1 - 0.1 * lower.height <= upper.y0 + 0.1 * upper.height for lower, upper in itertools.pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 + 1 for box in boxes)

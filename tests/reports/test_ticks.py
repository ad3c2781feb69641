"""Labels of radii stand apart, and the largest radius has one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.ticks import labelled_radii


def test_radii_too_close_to_a_larger_one_or_to_0_have_no_label() -> None:
    assert labelled_radii([0.1, 0.2, 0.9, 1.0], 0.15) == [0.2, 1.0]
    assert labelled_radii([1.0, 0.5], 0.15) == [0.5, 1.0]
    assert labelled_radii([3.0], 0.15) == [3.0]
    assert labelled_radii([], 0.15) == []


@given(st.sets(st.floats(1e-3, 1.0), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_labels_keep_their_distance_and_leave_no_gap_for_another(radii: set[float], share: float) -> None:
    labels = labelled_radii(radii, share)
    least = share * max(radii)
    assert labels == sorted(labels) and labels[-1] == max(radii) and set(labels) <= radii
    assert all(after - before >= least for before, after in itertools.pairwise([0.0, *labels]))
    for radius in radii - set(labels):  # each that was left out is too close to 0 or to the next label above it
        above = min(label for label in labels if label > radius)
        assert radius < least or above - radius < least


@pytest.mark.parametrize("share", [0.09, 0.13])
def test_the_radii_of_the_boards_have_all_their_labels(share: float) -> None:
    usual = [2 / 255, 4 / 255, 8 / 255, 16 / 255]
    assert labelled_radii(usual, share) == (usual if share < 0.125 else usual[1:])

"""Calibration: the line it fits, and what it must never do to a gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.quality.base import Calibration

SCORES = torch.tensor([3.0, -1.0, 2.0, 8.0, 5.0])
LABELS = torch.tensor([0.2, 0.1, 0.6, 0.9, 0.4])


def fitted() -> Calibration:
    line = Calibration()
    line.fit(SCORES, LABELS)
    return line


def test_scores_get_the_mean_and_the_spread_of_the_labels() -> None:
    found = fitted()(SCORES)
    torch.testing.assert_close(found.mean(), LABELS.mean())
    torch.testing.assert_close(found.std(), LABELS.std())
    assert torch.equal(found.argsort(), SCORES.argsort())


def test_untrained_scores_pass_as_they_are() -> None:
    assert torch.equal(Calibration()(SCORES), SCORES)


@given(st.floats(-100, 100), st.floats(1e-2, 1e2))
def test_the_result_does_not_depend_on_the_scale_before(shift: float, scale: float) -> None:
    line = Calibration()
    line.fit(SCORES * scale + shift, LABELS)
    torch.testing.assert_close(line(SCORES * scale + shift), fitted()(SCORES), rtol=1e-3, atol=1e-3)


def test_the_slope_is_the_same_far_outside_the_scale() -> None:
    """A logistic curve would be flat there, and an attack would find no gradient."""
    x = torch.tensor([-1e3, 0.0, 1e3], requires_grad=True)
    (gradient,) = torch.autograd.grad(fitted()(x).sum(), x)
    torch.testing.assert_close(gradient, (LABELS.std() / SCORES.std()).expand(3))


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (torch.ones(5), LABELS),
        (SCORES, torch.ones(5)),
        (torch.tensor([0.0, 1.0, 2.0, 3.0, torch.nan]), LABELS),
        (torch.tensor([0.0, 1.0, 2.0, 3.0, torch.inf]), LABELS),
        (SCORES[:1], LABELS[:1]),
    ],
)
def test_a_degenerate_range_is_refused(scores: torch.Tensor, labels: torch.Tensor) -> None:
    line = Calibration()
    with pytest.raises(ValueError, match="cannot be put on a scale"):
        line.fit(scores, labels)
    assert torch.equal(line(SCORES), SCORES)


def test_it_travels_with_the_weights() -> None:
    other = Calibration()
    other.load_state_dict(fitted().state_dict())
    assert torch.equal(other(SCORES), fitted()(SCORES))
    other.reset()
    assert torch.equal(other(SCORES), SCORES)

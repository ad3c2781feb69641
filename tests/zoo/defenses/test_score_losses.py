"""Losses on scores: distances, norm-in-norm, and what they read of a model."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from zoo.defenses.norm_in_norm import NormInNorm, norm_in_norm
from zoo.defenses.regression import Regression
from zoo.quality.base import QualityModel

SCORES = torch.tensor([0.1, 0.5, 0.9, 0.4], dtype=torch.float64)
LABELS = torch.tensor([0.2, 0.3, 0.95, 0.7], dtype=torch.float64)


class Levels(QualityModel):
    """The mean of each colour, red being the answer, and a trainable factor."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.factor * x[:, c].mean((1, 2)) for c in range(3))


def images() -> Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [("l1", 0.1625), ("l2", 0.035625), ("huber", (0.005 + 0.015 + 0.00125 + 0.025) / 4)],
)
def test_distances_by_hand(distance: str, expected: float) -> None:
    """Differences 0.1, 0.2, 0.05, 0.3; Huber is d^2 / 2 up to 0.1 and 0.1 (d - 0.05) beyond."""
    assert float(Regression(distance=distance).fit(SCORES, LABELS)) == pytest.approx(expected)


def test_regression_reads_the_answer_alone() -> None:
    model, x = Levels().double(), images()
    loss, scores = Regression().loss(model, x, LABELS, generator=torch.Generator())
    assert torch.equal(scores, x[:, 0].mean((1, 2)))
    torch.testing.assert_close(loss, (scores - LABELS).abs().mean())


def test_unknown_distance() -> None:
    with pytest.raises(ValueError, match="unknown distance 'l3'"):
        Regression(distance="l3")


def test_norm_in_norm_by_hand() -> None:
    a, b = SCORES - SCORES.mean(), LABELS - LABELS.mean()
    expected = (a / a.square().sum().sqrt() - b / b.square().sum().sqrt()).abs().sum() / 4
    torch.testing.assert_close(norm_in_norm(SCORES, LABELS), expected)


@given(st.floats(-10, 10), st.floats(1e-2, 1e2), st.booleans())
def test_norm_in_norm_ignores_shift_and_scale(shift: float, scale: float, labels: bool) -> None:
    moved = (SCORES, LABELS * scale + shift) if labels else (SCORES * scale + shift, LABELS)
    torch.testing.assert_close(norm_in_norm(*moved), norm_in_norm(SCORES, LABELS), rtol=1e-6, atol=1e-9)


def test_norm_in_norm_is_zero_exactly_for_a_rising_line() -> None:
    assert float(norm_in_norm(3 * LABELS - 1, LABELS)) == pytest.approx(0, abs=1e-12)
    assert float(norm_in_norm(-LABELS, LABELS)) > float(norm_in_norm(SCORES, LABELS)) > 0.05


@given(st.lists(st.floats(-100, 100), min_size=4, max_size=4))
def test_norm_in_norm_stays_in_its_bounds(values: list[float]) -> None:
    assert 0 <= float(norm_in_norm(torch.tensor(values, dtype=torch.float64), LABELS)) <= 1


def test_norm_in_norm_survives_a_constant_model() -> None:
    scores = torch.full((4,), 0.3, requires_grad=True)
    loss = norm_in_norm(scores, LABELS.float())
    (gradient,) = torch.autograd.grad(loss, scores)
    assert loss.isfinite() and gradient.isfinite().all()


def test_norm_in_norm_needs_a_batch() -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        norm_in_norm(SCORES[:1], LABELS[:1])


def test_other_levels_count_less() -> None:
    model, x = Levels().double(), images()
    loss, scores = NormInNorm(level_weight=0.3).loss(model, x, LABELS, generator=torch.Generator())
    answer, *others = (norm_in_norm(x[:, c].mean((1, 2)), LABELS) for c in range(3))
    torch.testing.assert_close(loss, answer + 0.3 * sum(others))
    assert torch.equal(scores, x[:, 0].mean((1, 2)))

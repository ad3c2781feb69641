"""Objectives against formulas written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attacks.objectives import DLR, OBJECTIVES, CrossEntropy, Margin, Objective, objective_named

quick = settings(deadline=None, max_examples=40, derandomize=True)
each = pytest.mark.parametrize("objective", [CrossEntropy(), Margin(), DLR()], ids=repr)


@pytest.fixture
def logits() -> Tensor:
    return 3 * torch.randn(8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


LABELS = torch.tensor([0, 1, 2, 3, 4, 5, 0, 1])
TARGETS = torch.tensor([1, 2, 3, 4, 5, 0, 5, 0])


def test_cross_entropy_is_torchs(logits: Tensor) -> None:
    objective = CrossEntropy()
    expected = F.cross_entropy(logits, LABELS, reduction="none")
    torch.testing.assert_close(objective.value(logits, LABELS, None), expected)
    expected = -F.cross_entropy(logits, TARGETS, reduction="none")
    torch.testing.assert_close(objective.value(logits, LABELS, TARGETS), expected)


@quick
@given(st.floats(1, 1e6), st.floats(0.01, 10))
def test_cross_entropy_sees_through_a_large_factor_on_the_logits(factor: float, lead: float) -> None:
    """float32 resolves no 1 - p beyond a lead of 16: the gradient must not vanish there, nor the value stand still."""
    logits = (factor * torch.tensor([[lead, 0.0, -1.0], [lead * 0.9, 0.0, -1.0]])).requires_grad_()
    value = CrossEntropy().value(logits, torch.zeros(2, dtype=torch.long), None)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    assert bool((gradient[:, 0] < 0).all()) and bool((gradient[:, 1] > 0).all())
    assert bool(value[1] > value[0])


def test_margin_is_the_lead_of_the_strongest_wrong_class(logits: Tensor) -> None:
    for z, y, value in zip(logits.numpy(), LABELS, Margin().value(logits, LABELS, None), strict=True):
        assert float(value) == pytest.approx(np.delete(z, y).max() - z[y])


def test_targeted_margin_is_the_lead_of_the_target(logits: Tensor) -> None:
    for z, t, value in zip(logits.numpy(), TARGETS, Margin().value(logits, LABELS, TARGETS), strict=True):
        assert float(value) == pytest.approx(z[t] - np.delete(z, t).max())


def test_dlr_is_equation_6_of_croce_and_hein(logits: Tensor) -> None:
    for z, y, value in zip(logits.numpy(), LABELS, DLR().value(logits, LABELS, None), strict=True):
        first, _, third = np.sort(z)[::-1][:3]
        assert float(value) == pytest.approx(-(z[y] - np.delete(z, y).max()) / (first - third))


def test_targeted_dlr_is_equation_7_of_croce_and_hein(logits: Tensor) -> None:
    for z, y, t, value in zip(logits.numpy(), LABELS, TARGETS, DLR().value(logits, LABELS, TARGETS), strict=True):
        first, _, third, fourth = np.sort(z)[::-1][:4]
        assert float(value) == pytest.approx(-(z[y] - z[t]) / (first - (third + fourth) / 2))


@quick
@given(st.floats(-50, 50), st.floats(1e-2, 1e3), st.booleans())
def test_dlr_ignores_shift_and_scale_of_the_logits(shift: float, scale: float, targeted: bool) -> None:
    z = torch.randn(4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    target = TARGETS[:4] if targeted else None
    moved = DLR().value(scale * z + shift, LABELS[:4], target)
    torch.testing.assert_close(moved, DLR().value(z, LABELS[:4], target), rtol=1e-6, atol=1e-9)


@each
@pytest.mark.parametrize("target", [None, TARGETS], ids=["untargeted", "targeted"])
def test_the_gradient_of_a_row_does_not_depend_on_the_batch(
    objective: Objective, target: Tensor | None, logits: Tensor
) -> None:
    def gradient(rows: slice) -> Tensor:
        z = logits[rows].clone().requires_grad_()
        value = objective.value(z, LABELS[rows], None if target is None else target[rows])
        return torch.autograd.grad(value.sum(), z)[0]

    alone = torch.cat([gradient(slice(i, i + 1)) for i in range(8)])
    torch.testing.assert_close(alone, gradient(slice(0, 8)), rtol=1e-12, atol=1e-14)


@each
def test_raising_the_value_moves_away_from_the_label_and_towards_the_target(objective: Objective, logits: Tensor) -> None:
    rows = torch.arange(8)
    z = logits.clone().requires_grad_()
    (away,) = torch.autograd.grad(objective.value(z, LABELS, None).sum(), z)
    (towards,) = torch.autograd.grad(objective.value(z, LABELS, TARGETS).sum(), z)
    start = objective.value(logits, LABELS, None)
    assert bool((objective.value(logits + 1e-4 * away, LABELS, None) > start).all())
    if isinstance(objective, CrossEntropy | Margin):
        assert bool((away[rows, LABELS] < 0).all())
        assert bool((towards[rows, TARGETS] > 0).all())


@each
def test_every_objective_calls_a_wrong_prediction_broken_and_nothing_else(objective: Objective) -> None:
    z = torch.tensor([[2.0, 1.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]])
    assert objective.broken(z, torch.tensor([0, 0, 3])).tolist() == [False, True, False]


def test_the_margin_is_positive_exactly_where_broken(logits: Tensor) -> None:
    assert torch.equal(Margin().value(logits, LABELS, None) > 0, Margin().broken(logits, LABELS))
    assert bool(Margin().broken(logits, LABELS).any()) and not bool(Margin().broken(logits, LABELS).all())


def test_equal_logits_have_a_finite_value_and_gradient() -> None:
    for objective in (CrossEntropy(), Margin(), DLR()):
        z = torch.zeros(2, 4, requires_grad=True)
        value = objective.value(z, torch.tensor([0, 1]), None)
        assert bool(value.isfinite().all())
        assert bool(torch.autograd.grad(value.sum(), z)[0].isfinite().all())


def test_with_too_few_classes_the_margin_stands_in_for_dlr() -> None:
    two, three = torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 3.0, 2.0]])
    label, target = torch.tensor([0]), torch.tensor([1])
    assert DLR().value(two, label, None).tolist() == Margin().value(two, label, None).tolist() == [2]
    assert DLR().value(three, label, target).tolist() == Margin().value(three, label, target).tolist() == [1]
    assert DLR().value(three, label, None).tolist() == [1]


def test_objectives_are_found_by_name() -> None:
    assert {name: type(objective_named(name)) for name in OBJECTIVES} == OBJECTIVES
    with pytest.raises(ValueError, match="known: ce"):
        objective_named("cee")

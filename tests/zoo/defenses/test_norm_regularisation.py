"""Norm regularisation against closed forms on linear scores and a slow computation on a curved one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.defenses.norm_regularisation import NormRegularisation
from zoo.defenses.regression import Regression

W = torch.tensor([0.5, -0.25, 0.0, 1.0], dtype=torch.float64)
Y = torch.tensor([0.2, 0.9, 0.4], dtype=torch.float64)


class Linear(nn.Module):
    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w.clone())

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w


class Curved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)[:, 0]


def images() -> Tensor:
    return torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def loss_of(model: nn.Module, x: Tensor, **settings: Any) -> Tensor:
    return NormRegularisation(**settings).loss(model, x, Y, generator=torch.Generator())[0]


def penalty_of(model: nn.Module, x: Tensor, **settings: Any) -> Tensor:
    return loss_of(model, x, weight=1.0, **settings) - loss_of(model, x, weight=0.0, **settings)


@pytest.mark.parametrize("h", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(("penalty", "expected"), [("absolute", 1.75), ("squared", 1.75**2 / 2)])
def test_on_a_linear_score_it_is_the_l1_norm(penalty: str, expected: float, h: float) -> None:
    assert penalty_of(Linear(W), images(), penalty=penalty, h=h).item() == pytest.approx(expected)


@pytest.mark.parametrize("penalty", ["absolute", "squared"])
def test_on_a_curved_score_it_tends_to_the_l1_norm(penalty: str) -> None:
    model, x = Curved(), images()
    leaf = x.clone().requires_grad_()
    norm = torch.autograd.grad(model(leaf).sum(), leaf)[0].flatten(1).abs().sum(1)
    exact = norm.mean() if penalty == "absolute" else norm.square().mean() / 2
    errors = [((penalty_of(model, x, penalty=penalty, h=h) - exact).abs() / exact).item() for h in (1e-2, 1e-3, 1e-4)]
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5


def test_loss_and_scores_besides_the_penalty() -> None:
    model, x = Curved(), images()
    for distance in ("l1", "l2", "huber"):
        plain, scores = Regression(distance=distance).loss(model, x, Y, generator=torch.Generator())
        loss, found = NormRegularisation(weight=0.0, base=distance).loss(model, x, Y, generator=torch.Generator())
        assert torch.equal(loss, plain) and torch.equal(found, scores)


def test_both_passes_train_the_weights_and_the_direction_does_not() -> None:
    """On a linear score |w|_1 has the derivative sign(w), one part from each pass."""
    model = Linear(W)
    (found,) = torch.autograd.grad(penalty_of(model, images()), model.w)
    torch.testing.assert_close(found, W.sign())


def test_descending_lowers_the_norm() -> None:
    model, x = Curved(), images()
    before = penalty_of(model, x).item()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(20):
        optimiser.zero_grad()
        loss_of(model, x, weight=1.0).backward()
        optimiser.step()
    assert penalty_of(model, x).item() < 0.5 * before


def test_a_loss_without_scale_cannot_be_escaped_by_shrinking() -> None:
    """Scores ten times smaller are scores on another scale: loss and penalty stay, and so does their balance."""
    x = images()
    settings = {"weight": 0.3, "base": "norm_in_norm"}
    torch.testing.assert_close(loss_of(Linear(W / 10), x, **settings), loss_of(Linear(W), x, **settings))
    spread = Y.std() / Linear(W)(x).std()
    torch.testing.assert_close(penalty_of(Linear(W), x, base="norm_in_norm"), 1.75 * spread)


def test_the_input_is_left_alone() -> None:
    x = images()
    before = x.clone()
    loss_of(Curved(), x, weight=1.0)
    assert torch.equal(x, before) and not x.requires_grad and x.grad is None


@pytest.mark.parametrize("wrong", [{"h": 0.0}, {"h": -1.0}, {"penalty": "cubed"}, {"base": "ce"}])
def test_refuses_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"h must be positive|unknown penalty"):
        NormRegularisation(weight=1.0, **wrong)

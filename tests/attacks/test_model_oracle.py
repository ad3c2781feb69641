"""The oracle answers like the model, and keeps the books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import GradientPath, Training
from attacks.gradients.hart import HART
from attacks.gradients.mix import HARTMix
from attacks.gradients.rate import BPTR
from attacks.model_oracle import ModelOracle
from attacks.objectives import CrossEntropy, Margin
from attacks.randomness import KeyedRng, uniform_like

Build = Callable[..., Any]


class Noisy(nn.Module):
    """A stochastic model: noise on the input of a smooth one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x + uniform_like(x, draws=1, layer="noise")[0])


class Sizes(nn.Module):
    """Remembers how many rows it was given each time."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.seen = model, []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        return self.model(x)


def test_an_answer_is_value_gradient_and_verdict_of_the_model(smooth: Build, images: Build) -> None:
    model, x = smooth(), images(6)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    rows = torch.tensor([4, 0, 2])
    answer = ModelOracle.of(model, labels).query(x[rows], rows, grad=True)
    leaf = x[rows].clone().requires_grad_()
    value = CrossEntropy().value(model(leaf), labels[rows], None)
    torch.testing.assert_close(answer.value, value.detach())
    torch.testing.assert_close(answer.gradient, torch.autograd.grad(value.sum(), leaf)[0])
    assert torch.equal(answer.broken, model(x[rows]).argmax(1) != labels[rows])
    assert not answer.value.requires_grad


def test_the_gradient_is_that_of_finite_differences(smooth: Build, images: Build, oracle_of: Build) -> None:
    x, rows, step = images(2), torch.arange(2), 1e-6
    oracle = oracle_of(smooth(), x)
    gradient = oracle.query(x, rows, grad=True).gradient
    for pixel in [(0, 0, 0), (1, 2, 3), (0, 3, 1)]:
        moved = torch.zeros_like(x)
        moved[(slice(None), *pixel)] = step
        up, down = (oracle.query(x + sign * moved, rows, grad=False).value for sign in (1, -1))
        torch.testing.assert_close((up - down) / (2 * step), gradient[(slice(None), *pixel)], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("micro_batch", [1, 2, 64])
@pytest.mark.parametrize("draws", [1, 3])
def test_every_forward_and_backward_of_every_row_is_counted(
    smooth: Build, images: Build, oracle_of: Build, micro_batch: int, draws: int
) -> None:
    x = images(4)
    oracle = oracle_of(smooth(), x, micro_batch=micro_batch, draws=draws)
    rows = torch.tensor([3, 1, 3, 3, 0])
    oracle.query(x[rows], rows, grad=True)
    oracle.query(x[rows[:2]], rows[:2], grad=False)
    oracle.logits(x[:1], torch.tensor([2]))
    assert oracle.forwards.tolist() == [draws, 2 * draws, 1, 4 * draws]
    assert oracle.backwards.tolist() == [draws, draws, 0, 3 * draws]


def test_no_gradient_is_made_that_was_not_asked_for(smooth: Build, images: Build, oracle_of: Build) -> None:
    x = images(3)
    oracle = oracle_of(smooth(), x)
    assert oracle.query(x, torch.arange(3), grad=False).gradient is None
    assert oracle.backwards.tolist() == [0, 0, 0]


def test_micro_batches_do_not_change_the_answer(smooth: Build, images: Build, oracle_of: Build) -> None:
    x, rows = images(7), torch.tensor([6, 5, 0, 1, 2, 3, 4])
    model = smooth()
    whole, parts = (oracle_of(model, x, micro_batch=m).query(x[rows], rows, grad=True) for m in (64, 3))
    torch.testing.assert_close(whole.value, parts.value, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(whole.gradient, parts.gradient, rtol=1e-12, atol=1e-14)
    assert torch.equal(whole.broken, parts.broken)


def test_micro_batches_are_near_equal_and_not_too_large(smooth: Build, images: Build, oracle_of: Build) -> None:
    x, model = images(7), Sizes(smooth())
    oracle = oracle_of(model, x, micro_batch=3)
    model.seen.clear()
    oracle.query(x, torch.arange(7), grad=True)
    assert model.seen == [3, 2, 2]


def test_eot_is_the_mean_over_fresh_draws(smooth: Build, images: Build, streams: Build) -> None:
    x, rows, labels = images(3), torch.arange(3), torch.tensor([0, 1, 2])
    model = Noisy(smooth())
    single = ModelOracle.of(model, labels, rng=streams(3))
    answers = [single.query(x, rows, grad=True) for _ in range(4)]
    average = ModelOracle.of(model, labels, rng=streams(3), draws=4).query(x, rows, grad=True)
    assert not torch.equal(answers[0].value, answers[1].value)
    torch.testing.assert_close(average.value, torch.stack([a.value for a in answers]).mean(0))
    torch.testing.assert_close(average.gradient, torch.stack([a.gradient for a in answers]).mean(0))


@pytest.mark.parametrize("micro_batch", [1, 2, 64])
def test_the_draws_of_a_row_do_not_depend_on_its_neighbours(
    smooth: Build, images: Build, streams: Build, micro_batch: int
) -> None:
    x, labels, model = images(3), torch.tensor([0, 1, 2]), Noisy(smooth())
    alone = ModelOracle.of(model, labels, rng=streams(3))
    expected = [alone.query(x[2:], torch.tensor([2]), grad=True) for _ in range(2)]
    crowd = ModelOracle.of(model, labels, rng=streams(3), micro_batch=micro_batch)
    for row, answer in zip(([2, 0], [1, 2, 0]), expected, strict=True):
        rows = torch.tensor(row)
        here = row.index(2)
        seen = crowd.query(x[rows], rows, grad=True)
        torch.testing.assert_close(seen.value[here], answer.value[0], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(seen.gradient[here], answer.gradient[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("micro_batch", [1, 2, 64])
def test_a_row_asked_for_twice_at_once_gets_two_draws(
    smooth: Build, images: Build, streams: Build, micro_batch: int
) -> None:
    x, labels, model = images(2), torch.tensor([0, 1]), Noisy(smooth())
    rows = torch.tensor([1, 0, 1, 1])
    at_once = ModelOracle.of(model, labels, rng=streams(2), micro_batch=micro_batch).query(x[rows], rows, grad=False)
    in_turn = ModelOracle.of(model, labels, rng=streams(2))
    expected = torch.cat([in_turn.query(x[r : r + 1], torch.tensor([r]), grad=False).value for r in rows.tolist()])
    torch.testing.assert_close(at_once.value, expected, rtol=1e-12, atol=1e-14)
    assert len(set(at_once.value.tolist())) == 4


@pytest.mark.parametrize("micro_batch", [1, 2])
def test_draws_of_a_row_asked_for_twice_do_not_depend_on_the_micro_batch(
    smooth: Build, images: Build, streams: Build, micro_batch: int
) -> None:
    x, labels, model = images(2), torch.tensor([0, 1]), Noisy(smooth())
    rows = torch.tensor([1, 0, 1, 1])
    parts, whole = (
        ModelOracle.of(model, labels, rng=streams(2), draws=3, micro_batch=size).query(x[rows], rows, grad=True)
        for size in (micro_batch, 64)
    )
    torch.testing.assert_close(parts.value, whole.value, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-12, atol=1e-14)


def test_a_stochastic_model_never_reports_broken(smooth: Build, images: Build) -> None:
    model, x, rows = smooth(), images(4), torch.arange(4)
    wrong = (model(x).argmax(1) + 1) % 5
    assert bool(ModelOracle.of(model, wrong).query(x, rows, grad=False).broken.all())
    assert not bool(ModelOracle.of(model, wrong, stochastic=True).query(x, rows, grad=False).broken.any())


class Poisoned(nn.Module):
    """Gives the gradient of every row whose first pixel is 1 one entry that is not finite."""

    def __init__(self, poison: float) -> None:
        super().__init__()
        self.poison = poison

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        if x.requires_grad:
            bad = x[:, :1] == 1
            x.register_hook(lambda g: torch.cat([torch.where(bad, self.poison, g[:, :1]), g[:, 1:]], dim=1))
        return torch.stack([x.sum(1), (x**2).sum(1)], dim=1)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_flagged_and_zeroed(poison: float) -> None:
    x = torch.tensor([[1.0, 0.3], [0.4, 0.3], [0.2, 0.1]])
    oracle = ModelOracle.of(Poisoned(poison), torch.tensor([0, 0, 0]))
    gradient = oracle.query(x, torch.arange(3), grad=True).gradient
    assert oracle.bad_gradient.tolist() == [True, False, False]
    assert gradient[0].tolist() == [0.0, 0.0]
    assert bool((gradient[1:] != 0).all())


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_flag_stays_when_the_same_row_is_fine_elsewhere(order: list[int]) -> None:
    x = torch.tensor([[1.0, 0.3], [0.4, 0.3]])[order]
    oracle = ModelOracle.of(Poisoned(float("nan")), torch.tensor([0]))
    oracle.query(x, torch.tensor([0, 0]), grad=True)
    oracle.query(torch.tensor([[0.4, 0.3]]), torch.tensor([0]), grad=True)
    assert oracle.bad_gradient.tolist() == [True]


def test_another_way_to_ask_shares_the_books(smooth: Build, images: Build, oracle_of: Build) -> None:
    x, rows = images(3), torch.arange(3)
    oracle = oracle_of(smooth(), x)
    target = (oracle.labels + 1) % 5
    other = oracle.using(objective=Margin(), target=target)
    answer = other.query(x, rows, grad=True)
    torch.testing.assert_close(answer.value, Margin().value(oracle.model(x), oracle.labels, target))
    assert oracle.forwards.tolist() == other.forwards.tolist() == [1, 1, 1]
    assert isinstance(oracle.objective, CrossEntropy) and oracle.target is None


def test_the_path_is_applied_to_every_query(spiking: Build, images: Build) -> None:
    model, x, rows, labels = spiking(), images(2), torch.arange(2), torch.tensor([0, 1])
    leaf = x.clone().requires_grad_()
    with BPTR().applied(model):
        value = CrossEntropy().value(model(leaf), labels, None)
    (expected,) = torch.autograd.grad(value.sum(), leaf)
    oracle = ModelOracle.of(model, labels)
    assert torch.equal(oracle.using(path=BPTR()).query(x, rows, grad=True).gradient, expected)
    assert not torch.equal(oracle.query(x, rows, grad=True).gradient, expected)


def test_the_view_for_other_libraries_is_the_model_with_a_counter(smooth: Build, images: Build, oracle_of: Build) -> None:
    model, x, rows = smooth(), images(4), torch.tensor([1, 3])
    oracle = oracle_of(model, x)
    view = oracle.as_module(rows)
    leaf = x[rows].clone().requires_grad_()
    outputs = view(leaf)
    torch.testing.assert_close(outputs, model(x[rows]))
    assert torch.autograd.grad(outputs.sum(), leaf)[0].abs().sum() > 0
    assert oracle.forwards.tolist() == oracle.backwards.tolist() == [0, 1, 0, 1]
    with torch.no_grad():
        view(leaf)
    assert (oracle.forwards.tolist(), oracle.backwards.tolist()) == ([0, 2, 0, 2], [0, 1, 0, 1])
    assert not list(view.parameters()) and not view.training
    with pytest.raises(ValueError, match="2 rows"):
        view(x)


def test_each_backward_through_the_view_is_counted(smooth: Build, images: Build, oracle_of: Build) -> None:
    x = images(3)
    oracle = oracle_of(smooth(), x)
    view, leaf = oracle.as_module(torch.arange(3)), x.clone().requires_grad_()
    outputs = view(leaf)
    for column in range(5):
        outputs[:, column].sum().backward(retain_graph=True)
    view(leaf).sum().backward()
    assert (oracle.forwards.tolist(), oracle.backwards.tolist()) == ([2] * 3, [6] * 3)


def test_the_view_of_a_stochastic_model_answers_with_the_mean_over_its_draws(
    smooth: Build, images: Build, streams: Build
) -> None:
    x, rows, model = images(2), torch.arange(2), Noisy(smooth())
    single = ModelOracle.of(model, torch.tensor([0, 1]), rng=streams(2))
    expected = torch.stack([single.logits(x, rows) for _ in range(4)]).mean(0)
    oracle = ModelOracle.of(model, torch.tensor([0, 1]), rng=streams(2), draws=4)
    leaf = x.clone().requires_grad_()
    outputs = oracle.as_module(rows)(leaf)
    outputs.sum().backward()
    torch.testing.assert_close(outputs, expected)
    assert oracle.forwards.tolist() == oracle.backwards.tolist() == [4, 4]


def test_the_view_goes_along_all_views_of_a_path(spiking: Build, images: Build) -> None:
    model, x, rows = spiking(), images(2), torch.arange(2)

    def slope(path: GradientPath) -> Tensor:
        leaf = x.clone().requires_grad_()
        ModelOracle.of(model, torch.tensor([0, 1]), path=path).as_module(rows)(leaf).sum().backward()
        return leaf.grad

    torch.testing.assert_close(slope(HARTMix()), (slope(HART()) + slope(Training())) / 2)


def test_a_view_that_knows_the_clean_inputs_answers_for_some_of_them(smooth: Build, images: Build, oracle_of: Build) -> None:
    model, x, rows = smooth(), images(5), torch.tensor([4, 0, 2])
    oracle = oracle_of(model, x)
    view = oracle.as_module(rows, x[rows])
    moved = x[[2, 4]] + 0.05
    torch.testing.assert_close(view(moved), model(moved))
    view(moved[:0])
    assert oracle.forwards.tolist() == [0, 0, 1, 0, 1]
    leaf = moved.float().requires_grad_()
    (gradient,) = torch.autograd.grad(view(leaf).sum(), leaf)
    assert gradient.dtype == torch.float32
    assert oracle.backwards.tolist() == [0, 0, 1, 0, 1]


def test_a_gradient_through_the_view_that_is_not_finite_is_noted_and_becomes_zero() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).sqrt()

    oracle = ModelOracle.of(Root(), torch.tensor([0, 0]))
    leaf = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).requires_grad_()
    oracle.as_module(torch.arange(2))(leaf).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    assert oracle.bad_gradient.tolist() == [True, False]


def test_a_model_cut_off_from_its_input_is_an_error_and_not_a_zero(images: Build) -> None:
    class Cut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.detach().flatten(1)

    with pytest.raises(RuntimeError):
        ModelOracle.of(Cut(), torch.tensor([0, 0])).query(images(2), torch.arange(2), grad=True)


def test_asking_leaves_the_global_random_state_alone(smooth: Build, images: Build, streams: Build) -> None:
    x, before = images(2), torch.random.get_rng_state()
    rng: KeyedRng = streams(2)
    ModelOracle.of(Noisy(smooth()), torch.tensor([0, 1]), rng=rng).query(x, torch.arange(2), grad=True)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_lens_stands_before_the_model_in_every_view(smooth: Build, images: Build) -> None:
    model, x, labels, rows = smooth(), images(6), torch.arange(6) % 5, torch.tensor([4, 0, 2])
    shift = images(6).flip(0)
    oracle = ModelOracle.of(model, labels, lens=lambda x, rows: x + shift[rows])
    seen, some = model(x + shift), torch.tensor([2, 1])
    torch.testing.assert_close(oracle.logits(x[rows], rows), seen[rows])
    torch.testing.assert_close(oracle.subset(rows).logits(x[rows[some]], some), seen[rows[some]])
    deeper = oracle.subset(rows).subset(some)
    torch.testing.assert_close(deeper.logits(x[rows[some]], torch.arange(2)), seen[rows[some]])
    torch.testing.assert_close(oracle.as_module(rows)(x[rows]), seen[rows])
    plain = ModelOracle.of(model, labels).query(x + shift, torch.arange(6), grad=True)
    answer = oracle.query(x, torch.arange(6), grad=True)
    torch.testing.assert_close((answer.value, answer.gradient), (plain.value, plain.gradient))

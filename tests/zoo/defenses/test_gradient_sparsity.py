"""Gradient sparsity against a slow computation, one image at a time, from the paper's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from support import random_batches
from support.networks import settled
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.gradient_sparsity import GradientSparsity, runner_up, slope_check

CHOICES = [(penalty, probability) for penalty in ("squared", "absolute") for probability in ("two_class", "softmax")]
batch = partial(random_batches.batch, classes=5, dtype=torch.float64)


def smooth() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(27, 16), nn.Tanh(), nn.Linear(16, 5)).double()


def spiking() -> nn.Module:
    torch.manual_seed(0)
    model = compact(steps=2, neuron={"threshold": 0.5}, widths=(4, 4, 4, 4), classes=5).double()
    return settled(model, batch()[0])


def probability_by_hand(model: nn.Module, image: Tensor, label: int, rival: int, probability: str) -> Tensor:
    exponentials = model(image[None])[0].exp()
    return exponentials[label] / (exponentials[[label, rival]] if probability == "two_class" else exponentials).sum()


def rival_by_hand(model: nn.Module, image: Tensor, label: int) -> int:
    logits = model(image[None])[0].tolist()
    return max((k for k in range(5) if k != label), key=logits.__getitem__)


def loss_by_hand(model: nn.Module, x: Tensor, y: Tensor, weight: float, h: float, penalty: str, probability: str) -> Tensor:
    losses = []
    for image, label in zip(x, y.tolist(), strict=True):
        image = image.clone().requires_grad_()
        rival = rival_by_hand(model, image, label)
        f = probability_by_hand(model, image, label, rival, probability)
        direction = torch.autograd.grad(f, image, retain_graph=True)[0].sign()
        slope = (probability_by_hand(model, image.detach() + h * direction, label, rival, probability) - f) / h
        entropy = -model(image[None])[0].log_softmax(0)[label]
        losses.append(entropy + weight * (slope**2 if penalty == "squared" else abs(slope)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("net", "side"), [(smooth, 3), (spiking, 32)])
@pytest.mark.parametrize(("penalty", "probability"), CHOICES)
def test_equals_the_slow_computation(penalty: str, probability: str, net: Callable[[], nn.Module], side: int) -> None:
    """Loss, and parameter gradients through both passes and the cross-entropy."""
    model, (x, y) = net(), batch(side=side)
    defense = GradientSparsity(weight=0.7, h=0.05, penalty=penalty, probability=probability)
    loss, logits = defense.loss(model, x, y, generator=torch.Generator())
    expected = loss_by_hand(model, x, y, 0.7, 0.05, penalty, probability)
    torch.testing.assert_close(logits, model(x))
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    found, wanted = (torch.autograd.grad(value, list(model.parameters())) for value in (loss, expected))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(("penalty", "probability"), CHOICES)
def test_penalty_is_the_l1_norm_of_the_gradient(penalty: str, probability: str) -> None:
    """On a smooth network the error of the finite difference is proportional to h."""
    model, (x, y) = smooth(), batch(side=3)

    def penalty_with(h: float) -> Tensor:
        settings = {"h": h, "penalty": penalty, "probability": probability}
        losses = [
            GradientSparsity(weight=weight, **settings).loss(model, x, y, generator=torch.Generator())[0].detach()
            for weight in (0.0, 1.0)
        ]
        return losses[1] - losses[0]

    leaf = x.clone().requires_grad_()
    parts = zip(leaf, y.tolist(), strict=True)
    f = [probability_by_hand(model, image, k, rival_by_hand(model, image, k), probability) for image, k in parts]
    l1 = torch.autograd.grad(sum(f), leaf)[0].flatten(1).abs().sum(1)
    exact = (l1**2 if penalty == "squared" else l1).mean()
    errors = [abs(penalty_with(h) - exact) / exact for h in (1e-3, 1e-4, 1e-5)]
    assert errors[0] < 0.01
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5


def test_both_passes_train_the_parameters() -> None:
    """Without either pass the gradient of the penalty would be another one."""
    model, (x, y) = smooth(), batch(side=3)
    h, weight = 0.05, list(model.parameters())[1]

    def slope(first: nn.Module, second: nn.Module) -> Tensor:
        leaf = x.clone().requires_grad_()
        f = first(leaf).softmax(1)[range(6), y]
        direction = torch.autograd.grad(f.sum(), leaf, retain_graph=True)[0].sign()
        return ((second(x + h * direction).softmax(1)[range(6), y] - f) / h).square().mean()

    def detached(inputs: Tensor) -> Tensor:
        return torch.func.functional_call(model, {k: v.detach() for k, v in model.named_parameters()}, inputs)

    settings = {"h": h, "probability": "softmax"}
    losses = [GradientSparsity(weight=w, **settings).loss(model, x, y, generator=torch.Generator())[0] for w in (0.0, 1.0)]
    (found,) = torch.autograd.grad(losses[1] - losses[0], weight)
    (both,) = torch.autograd.grad(slope(model, model), weight)
    (only_first,) = torch.autograd.grad(slope(model, detached), weight)
    (only_second,) = torch.autograd.grad(slope(detached, model), weight)
    torch.testing.assert_close(found, both)
    torch.testing.assert_close(both, only_first + only_second)
    assert min(only_first.norm(), only_second.norm()) > 0.1 * both.norm()


def test_weight_scales_the_penalty_alone() -> None:
    model, (x, y) = smooth(), batch(side=3)
    plain, one, two = (GradientSparsity(weight=w).loss(model, x, y, generator=torch.Generator())[0] for w in (0, 1, 2))
    torch.testing.assert_close(plain, nn.functional.cross_entropy(model(x), y))
    torch.testing.assert_close(two - plain, 2 * (one - plain))
    assert one > plain


def test_runner_up() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [-5.0, -9.0, -7.0]])
    assert runner_up(logits, torch.tensor([0, 1, 0])).tolist() == [1, 0, 2]


def test_large_logits_do_not_overflow() -> None:
    model, (x, y) = smooth(), batch(side=3)
    with torch.no_grad():
        model[3].weight.mul_(1e5)
    loss, _ = GradientSparsity(weight=1.0).loss(model, x, y, generator=torch.Generator())
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert loss.isfinite() and all(gradient.isfinite().all() for gradient in gradients)


def test_on_adversarial_examples() -> None:
    """SR*: the same loss at the examples of adversarial training."""
    model, (x, y) = spiking(), batch()
    eps, steps = 4 / 255, 2
    adv = AdversarialTraining(eps=eps, steps=steps).craft(model, x, y, generator=torch.Generator().manual_seed(1))
    defense = GradientSparsity(weight=0.7, eps=eps, steps=steps)
    loss, _ = defense.loss(model, x, y, generator=torch.Generator().manual_seed(1))
    at_examples, _ = GradientSparsity(weight=0.7).loss(model, adv, y, generator=torch.Generator())
    at_clean, _ = GradientSparsity(weight=0.7).loss(model, x, y, generator=torch.Generator())
    assert torch.equal(loss, at_examples) and not torch.equal(loss, at_clean)


@pytest.mark.parametrize("probability", ["two_class", "softmax"])
def test_on_a_smooth_network_the_finite_difference_tends_to_the_gradient(probability: str) -> None:
    model, (x, y) = smooth(), batch(side=3)
    found = [slope_check(model, x, y, h=h, probability=probability) for h in (1e-3, 1e-5)]
    errors = [((one.finite - one.surrogate) / one.surrogate).abs().max() for one in found]
    assert errors[0] < 0.01 and errors[1] < errors[0] / 50
    parts = zip(leaf := x.clone().requires_grad_(), y.tolist(), strict=True)
    f = [probability_by_hand(model, image, k, rival_by_hand(model, image, k), probability) for image, k in parts]
    exact = torch.autograd.grad(sum(f), leaf)[0].flatten(1).abs().sum(1)
    torch.testing.assert_close(found[0].surrogate, exact)


@pytest.mark.parametrize("probability", ["two_class", "softmax"])
def test_on_a_spiking_network_it_tends_to_nothing_while_the_surrogate_slope_stays(probability: str) -> None:
    """The forward is piecewise constant: a small step flips no spike, a larger one flips some."""
    model, (x, y) = spiking(), batch()
    tiny, usual = (slope_check(model, x, y, h=h, probability=probability) for h in (1e-9, 0.01))
    assert bool((tiny.surrogate > 0).all()) and torch.equal(tiny.surrogate, usual.surrogate)
    assert tiny.finite.tolist() == [0.0] * 6
    assert bool((usual.finite != 0).any())


def test_the_penalty_is_made_of_the_finite_difference() -> None:
    model, (x, y) = spiking(), batch()
    none, one = (GradientSparsity(weight=w).loss(model, x, y, generator=torch.Generator())[0] for w in (0, 1))
    torch.testing.assert_close(one - none, slope_check(model, x, y).finite.square().mean())


@pytest.mark.parametrize("wrong", [{"h": 0.0}, {"h": -1.0}, {"penalty": "cubed"}, {"probability": "margin"}])
def test_refuses_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"h must be positive|unknown penalty"):
        GradientSparsity(weight=1.0, **wrong)

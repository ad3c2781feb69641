"""APGD and SA-PGD: their schedule, and their search against slow, separate implementations for one sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attacks.apgd import APGD
from attacks.checkpoints import checkpoints
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.oracle import Answer
from attacks.sapgd import SAPGD, on_the_surface
from attacks.threats.linf import Linf

Build = Callable[..., Any]


class Unbreakable(Margin):
    """The margin, without an end: a sample is never broken, so the whole walk can be seen."""

    def broken(self, outputs: Tensor, reference: Tensor) -> Tensor:
        return torch.zeros_like(reference, dtype=torch.bool)


class Walked(ModelOracle):
    """Keeps every input it was asked about, with value and gradient."""

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        answer = super().query(x, rows, grad=grad)
        self.__dict__.setdefault("seen", []).append((x.clone(), answer))
        return answer


def value_and_gradient(model: nn.Module, x: Tensor, label: Tensor) -> tuple[float, Tensor]:
    leaf = x.clone().requires_grad_()
    value = Margin().value(model(leaf), label, None)
    return float(value.detach()), torch.autograd.grad(value.sum(), leaf)[0]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(100, [22, 41, 57, 70, 80, 87, 93, 99]), (50, [11, 21, 29, 35, 40, 44, 47, 50]), (3, [1, 2]), (1, []), (0, [])],
)
def test_the_checkpoints_are_the_papers(steps: int, expected: list[int]) -> None:
    assert checkpoints(steps) == [at for at in expected if at < steps]


def test_apgd_walks_as_a_plain_loop_over_one_sample_does(smooth: Build, images: Build, streams: Build) -> None:
    model, x, steps = smooth(gain=4.0), images(1), 40
    label = model(x).argmax(1)
    halvings = []
    for seed in range(10):
        oracle = Walked.of(model, label, objective=Unbreakable())
        APGD(steps=steps).perturb(oracle, x, Linf(eps=0.2), rng=streams(1, seed=seed))
        seen = [point for point, _ in oracle.__dict__["seen"]]
        halvings.append(halvings_of_a_plain_loop(model, x, label, seen, eps=0.2, steps=steps))
    # A walk halves at 4 of 8 checkpoints or so; one in forty halves at all of them, so both kinds need several walks.
    assert 0 < sum(halvings) < len(halvings) * len(checkpoints(steps))


def halvings_of_a_plain_loop(
    model: nn.Module, x: Tensor, label: Tensor, seen: list[Tensor], *, eps: float, steps: int
) -> int:
    """Asserts that APGD from ``seen[0]`` walks along ``seen``, and says how often its step was halved."""

    def clip(z: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(z, x - eps), x + eps).clamp(0, 1)

    here = before = seen[0]
    value, gradient = value_and_gradient(model, here, label)
    best, best_value, best_gradient = here, value, gradient
    step, rises, best_then, halved, last = 2 * eps, 0, value, False, 0
    halvings = 0
    for k in range(1, steps + 1):
        z = clip(here + step * gradient.sign())
        following = z if k == 1 else clip(here + 0.75 * (z - here) + 0.25 * (here - before))
        before, here = here, following
        torch.testing.assert_close(seen[k], here, rtol=0, atol=1e-12)
        new, gradient = value_and_gradient(model, here, label)
        rises += new > value
        value = new
        if value > best_value:
            best, best_value, best_gradient = here, value, gradient
        if k in checkpoints(steps):
            halve = rises < 0.75 * (k - last) or (not halved and best_value <= best_then)
            if halve:
                step, here, before, value, gradient = step / 2, best, best, best_value, best_gradient
                halvings += 1
            halved, best_then, rises, last = halve, best_value, 0, k
    return halvings


def test_sapgd_walks_as_a_plain_loop_over_one_sample_does(smooth: Build, images: Build, streams: Build) -> None:
    model, x, eps, steps = smooth(), images(1), 0.05, 30
    label = model(x).argmax(1)
    oracle = Walked.of(model, label, objective=Unbreakable())
    SAPGD(steps=steps).perturb(oracle, x, Linf(eps=eps), rng=streams(1))
    seen = [point for point, _ in oracle.__dict__["seen"]]
    here, eta = seen[0], eps
    first, second = np.zeros(x.shape), np.zeros(x.shape)
    for k in range(1, steps + 1):
        g = value_and_gradient(model, here, label)[1].numpy()
        first = 0.5 * first + g / np.abs(g).mean()
        second = 0.8 * second + g**2 / (g**2).mean()
        move = np.clip(eta * first / (np.sqrt(second) + 1e-12), -eta, eta)
        here = torch.minimum(torch.maximum(here + torch.from_numpy(move), x - eps), x + eps).clamp(0, 1)
        torch.testing.assert_close(seen[k], here, rtol=0, atol=1e-9)
        eta = eta / 2 if k in checkpoints(steps) else eta


def test_sapgd_starts_on_the_surface_of_the_ball(images: Build, streams: Build) -> None:
    x = images(5) * 0.5 + 0.25
    start = on_the_surface(x, Linf(eps=0.1), streams(5))
    torch.testing.assert_close((start - x).abs().flatten(1).amax(1), torch.full((5,), 0.1, dtype=x.dtype))


@pytest.mark.parametrize("settings", [{"steps": -1}, {"restarts": 0}, {"rho": 1.5}, {"objective": "loss"}])
def test_bad_parameters_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|unknown"):
        APGD(**settings)

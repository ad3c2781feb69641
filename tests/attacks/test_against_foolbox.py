"""The same search rules as in foolbox give the same iterates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import Norm, row_norm
from torch import Tensor, nn

from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.threats.catalogue import threat_named

foolbox = pytest.importorskip("foolbox")

Build = Callable[..., Any]
both_norms = pytest.mark.parametrize(("norm", "eps", "step"), [("linf", 0.06, 0.02), ("l2", 0.4, 0.13)])
THEIRS = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}


def theirs(model: nn.Module, x: Tensor, labels: Tensor, norm: Norm, eps: float, **settings: Any) -> Tensor:
    """The last iterate of foolbox. Its own step is relative to eps, hence ``abs_stepsize``."""
    bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    return THEIRS[norm](**settings).run(bounded, x, foolbox.criteria.Misclassification(labels), epsilon=eps)


@both_norms
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_iterates_are_foolboxes(
    norm: Norm, eps: float, step: float, steps: int, smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(), images(6)
    labels = model(x).argmax(1)
    ours = PGD(steps=steps, step_size=step, random_start=False, keep="last").perturb(
        ModelOracle.of(model, labels), x, threat_named(norm, eps=eps), rng=streams(6)
    )
    other = theirs(model, x, labels, norm, eps, steps=steps, abs_stepsize=step, random_start=False)
    torch.testing.assert_close(ours, other, rtol=0, atol=1e-10)
    assert bool((row_norm(ours - x, norm) > 0.1 * eps).all())


@both_norms
def test_foolbox_can_attack_through_the_oracles_view_and_is_counted(
    norm: Norm, eps: float, step: float, smooth: Build, images: Build
) -> None:
    model, x = smooth(), images(4)
    labels = model(x).argmax(1)
    oracle = ModelOracle.of(model, labels)
    settings = {"steps": 3, "abs_stepsize": step, "random_start": False}
    seen = theirs(oracle.as_module(torch.arange(4)), x, labels, norm, eps, **settings)
    assert torch.equal(seen, theirs(model, x, labels, norm, eps, **settings))
    assert oracle.forwards.tolist() == [3] * 4


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.03), ("l2", 0.15)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_from_the_same_random_starts_the_iterates_are_foolboxes(
    norm: Norm, eps: float, seed: int, smooth: Build, images: Build, streams: Build, starting_at: Build
) -> None:
    model, x = smooth(gain=4.0), images(50)
    labels = model(x).argmax(1)

    def seeded(steps: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return theirs(model, x, labels, norm, eps, steps=steps, abs_stepsize=eps / 3, random_start=True)

    starts = seeded(steps=0)
    assert bool((row_norm(starts - x, norm) > 0).all())
    starting_at(starts)
    ours = PGD(steps=5, step_size=eps / 3, keep="last").perturb(
        ModelOracle.of(model, labels), x, threat_named(norm, eps=eps), rng=streams(50)
    )
    torch.testing.assert_close(ours, seeded(steps=5), rtol=0, atol=1e-10)

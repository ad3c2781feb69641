"""The same search rules as in torchattacks give the same iterates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.norms import Norm, row_norm
from support.statistics import at_least, at_most
from torch import Tensor

from attacks.apgd import APGD
from attacks.fgsm import FGSM
from attacks.iterative import IterativeAttack
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.threats.catalogue import threat_named
from attacks.threats.linf import Linf

torchattacks = pytest.importorskip("torchattacks")

Build = Callable[..., Any]

PAIRS: dict[str, tuple[Norm, float, IterativeAttack, Callable[[Any], Any]]] = {
    "fgsm": ("linf", 0.03, FGSM(keep="last"), lambda m: torchattacks.FGSM(m, eps=0.03)),
    "pgd": (
        "linf",
        0.06,
        PGD(steps=7, step_size=0.02, random_start=False, keep="last"),
        lambda m: torchattacks.PGD(m, eps=0.06, alpha=0.02, steps=7, random_start=False),
    ),
    "pgd l2": (
        "l2",
        0.4,
        PGD(steps=7, step_size=0.13, random_start=False, keep="last"),
        lambda m: torchattacks.PGDL2(m, eps=0.4, alpha=0.13, steps=7, random_start=False, eps_for_division=0.0),
    ),
    "mifgsm": (
        "linf",
        0.06,
        MIFGSM(steps=7, step_size=0.02, keep="last"),
        lambda m: torchattacks.MIFGSM(m, eps=0.06, alpha=0.02, steps=7, decay=1.0),
    ),
    "mifgsm, decaying": (
        "linf",
        0.06,
        MIFGSM(steps=7, decay=0.5, keep="last"),
        lambda m: torchattacks.MIFGSM(m, eps=0.06, alpha=0.06 / 7, steps=7, decay=0.5),
    ),
}
every_pair = pytest.mark.parametrize("pair", PAIRS)


@every_pair
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_iterates_are_those_of_torchattacks(pair: str, seed: int, smooth: Build, images: Build, streams: Build) -> None:
    norm, eps, attack, theirs = PAIRS[pair]
    model, x = smooth(seed=seed), images(6, seed=seed)
    labels = model(x).argmax(1)
    ours = attack.perturb(ModelOracle.of(model, labels), x, threat_named(norm, eps=eps), rng=streams(6))
    torch.testing.assert_close(ours, theirs(model)(x, labels), rtol=0, atol=1e-10)
    assert bool((row_norm(ours - x, norm) > 0.1 * eps).all())


def test_momentum_makes_a_difference(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(6)
    oracle = ModelOracle.of(model, model(x).argmax(1))
    ends = [
        MIFGSM(steps=7, step_size=0.02, decay=decay, keep="last").perturb(oracle, x, Linf(eps=0.06), rng=streams(6))
        for decay in (0.0, 0.5, 1.0)
    ]
    assert not torch.equal(ends[0], ends[1]) and not torch.equal(ends[1], ends[2])


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.03), ("l2", 0.15)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_from_the_same_random_starts_the_iterates_are_those_of_torchattacks(
    norm: Norm, eps: float, seed: int, smooth: Build, images: Build, streams: Build, starting_at: Build
) -> None:
    """From its starts, because in l2 that library draws a radius uniformly, and ours are uniform in the ball."""
    model, x = smooth(gain=4.0), images(50)
    labels = model(x).argmax(1)
    kind = torchattacks.PGD if norm == "linf" else torchattacks.PGDL2

    def theirs(steps: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return kind(model, eps=eps, alpha=eps / 3, steps=steps, random_start=True)(x, labels)

    starts = theirs(steps=0)
    assert bool((row_norm(starts - x, norm) > 0).all())
    starting_at(starts)
    ours = PGD(steps=5, step_size=eps / 3, keep="last").perturb(
        ModelOracle.of(model, labels), x, threat_named(norm, eps=eps), rng=streams(50)
    )
    # In l2 it divides by the norm plus 1e-10.
    torch.testing.assert_close(ours, theirs(steps=5), rtol=0, atol=1e-10 if norm == "linf" else 1e-7)


def test_one_aim_per_wrong_class_breaks_what_apgd_t_breaks(smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(gain=4.0), images(200)
    labels = model(x).argmax(1)
    ours = APGD(steps=10, objective="dlr", target="ranked", restarts=4).perturb(
        ModelOracle.of(model, labels), x, Linf(eps=0.02), rng=streams(200)
    )
    fell = model(ours).argmax(1) != labels
    with torch.random.fork_rng(devices=[]):
        other = torchattacks.APGDT(model, eps=0.02, steps=10, n_classes=5)
        other.set_device(x.device)
        fell_there = model(other(x, labels)).argmax(1) != labels
    assert at_least(fell_there) > 0.2 and at_most(fell_there) < 0.8
    assert at_most(fell != fell_there) < 0.05  # they disagree on none of 1,200 samples

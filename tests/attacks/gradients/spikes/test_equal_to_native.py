"""A network written by somebody else, with the weights of one of ours, falls to the same gradients."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from support.strangers import HARD_ONLY, MANNERS, Recipe, native, stranger
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, LayerGradient
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG, PotentialDependent
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites
from attacks.model_oracle import ModelOracle

CASES = [(manner, reset) for manner in MANNERS for reset in ("hard", "soft") if reset == "hard" or manner not in HARD_ONLY]
every_case = pytest.mark.parametrize(("manner", "reset"), CASES, ids=lambda value: value)

PATHS: list[GradientPath] = [
    BPTT(surrogate="triangle", width=0.5),
    BPTT(surrogate="triangle", width=0.5, reset="detached"),
    BPTT(surrogate="atan"),
    BPTT(surrogate="sigmoid", reset="detached"),
    BPTT(surrogate="rectangle", width=0.8),
    BPTT(surrogate="straight_through"),
    PDSG(),
    ASSG(),
    ASSG(reset="attached", half=0.42),
]


@dataclass(frozen=True, kw_only=True)
class DetachedPDSG(PDSG):
    """PDSG where a network lets no gradient through its reset."""

    def layer_gradient(self) -> LayerGradient:
        return PotentialDependent(attached=False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def reset_of(path: GradientPath) -> str:
    return str(getattr(path, "reset", "attached"))


def twin(path: GradientPath, recipe: Recipe, manner: str) -> tuple[nn.Module, GradientPath]:
    """Our network and the path that must give the same there: a reset that the manner detaches stays detached."""
    detached = MANNERS[manner].reset_path == "detached"  # type: ignore[attr-defined]
    if not detached or reset_of(path) == "detached":
        return native(recipe), path
    if isinstance(path, BPTT):
        return native(recipe), BPTT(surrogate=path.surrogate, width=path.width, reset="detached")
    if isinstance(path, ASSG):
        return native(recipe), ASSG(half=path.half, reset="detached")
    return native(recipe), DetachedPDSG()


def gradient(model: nn.Module, path: GradientPath, x: Tensor, sites: SpikeSites | None) -> Tensor:
    """The input gradient of the third of three queries, whose backwards run after the path has been taken off."""
    labels = torch.zeros(len(x), dtype=torch.int64)
    oracle = ModelOracle.of(model, labels, path=path, sites=sites, micro_batch=4)
    rows = torch.arange(len(x))
    for shift in (0.05, -0.05):
        oracle.query((x + shift).clamp(0, 1), rows, grad=True)
    return oracle.query(x, rows, grad=True).slope


@every_case
def test_the_answers_are_those_of_our_network(manner: str, reset: str, images: Tensor) -> None:
    recipe = Recipe(reset=reset)
    torch.testing.assert_close(stranger(manner, recipe)(images), native(recipe)(images))


@every_case
@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_the_gradients_are_those_of_our_network(path: GradientPath, manner: str, reset: str, images: Tensor) -> None:
    recipe = Recipe(reset=reset)
    theirs = stranger(manner, recipe)
    ours, same = twin(path, recipe, manner)
    expected = gradient(ours, same, images, None)
    found = gradient(theirs, path, images, spiking_sites(theirs, images))
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))
    assert float(torch.nn.functional.cosine_similarity(found.flatten(), expected.flatten(), 0)) > 1 - 1e-6


@every_case
def test_the_bits_of_the_answers_do_not_change(manner: str, reset: str, images: Tensor) -> None:
    model = stranger(manner, Recipe(reset=reset))
    sites = spiking_sites(model, images)
    plain = model(images)
    for path in PATHS:
        with path.applied(model, sites=sites) as bound:
            assert torch.equal(model(images), plain)
            assert torch.equal(model(images.clone().requires_grad_()), plain)
        assert (bound.layers, bound.functions, bound.functions_found) == (0, 1, 1)
    assert torch.equal(model(images), plain)


@every_case
def test_the_neurons_are_recognised(manner: str, reset: str, images: Tensor) -> None:
    sites = spiking_sites(stranger(manner, Recipe(reset=reset)), images)
    (function,) = sites.functions
    assert function.calls == 8 and function.levels == 2 and not function.guessed
    assert function.thresholds == pytest.approx((0.7, 0.7))
    assert sites.uncontrolled == () and sites.differentiable and sites.remarks == ()
    assert sites.layers == 2 and sites.controlled == sites.found == 1
    assert function.place.startswith("strangers.py:")

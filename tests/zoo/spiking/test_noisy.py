"""Noisy neurons: how often they fire, what they draw, and that gradient paths reach them."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import pytest
import torch
from support.networks import settled
from support.statistics import at_least, at_most
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.bptt import BPTT
from attacks.gradients.rate import RGA
from attacks.randomness import KeyedRng, drawing
from zoo.architectures.compact import compact
from zoo.canonical.convert import canonical
from zoo.spiking.neurons import LIF
from zoo.spiking.noisy import CELLS, NoisyLIF, normal_cells

NEURON: dict[str, Any] = {"decay": 0.5, "threshold": 0.8}
CURRENT = torch.randn(4, 6, 5, 3, 3, generator=torch.Generator().manual_seed(0))


def keyed(layer: nn.Module, current: Tensor, ids: list[int] | None = None, seed: int = 0) -> Tensor:
    rows = torch.arange(current.shape[1]) if ids is None else torch.tensor(ids)
    with drawing(KeyedRng.of(seed, rows)):
        spikes: Tensor = layer(current)
    return spikes


@pytest.mark.parametrize("away", [-1.0, -0.3, 0.0, 0.5])
def test_a_neuron_fires_with_the_probability_of_its_distance(away: float) -> None:
    """A potential ``away`` thresholds from the threshold fires with Phi(away / noise)."""
    noise, threshold = 0.4, 2.0
    layer = NoisyLIF(noise=noise, threshold=threshold)
    spikes = keyed(layer, torch.full((1, 50, 400), threshold * (1 + away))).flatten()
    probability = 0.5 * (1 + math.erf(away / noise / math.sqrt(2)))
    assert at_least(spikes) <= probability <= at_most(spikes)


def test_noise_stays_in_the_potential() -> None:
    """Without current and leak the potential after T steps is a sum of T draws: deviation noise * sqrt(T)."""
    layer = NoisyLIF(noise=0.1, threshold=100.0, decay=1.0)
    with drawing(KeyedRng.of(0, torch.arange(50))):
        total = layer.driving(torch.zeros(9, 50, 400)).sum(0).flatten() / 100.0
    assert at_least(total.square()) <= 9 * 0.1**2 <= at_most(total.square())
    assert at_least(total) <= 0 <= at_most(total)


def test_draws_are_keyed_by_sample_and_layer() -> None:
    layer, other = (NoisyLIF(noise=0.5, layer=name, **NEURON) for name in ("first", "second"))
    spikes = keyed(layer, CURRENT)
    assert torch.equal(spikes, keyed(layer, CURRENT))
    assert torch.equal(spikes[:, [4, 1]], keyed(layer, CURRENT[:, [4, 1]], [4, 1]))
    assert not torch.equal(spikes, keyed(other, CURRENT))
    assert not torch.equal(spikes, keyed(layer, CURRENT, seed=1))


def test_noise_in_training_alone_leaves_the_neurons_as_they_are() -> None:
    layer = NoisyLIF(noise=0.5, noisy="training", **NEURON)
    assert not layer.stochastic and NoisyLIF(noise=0.5).stochastic
    assert torch.equal(layer.eval()(CURRENT), LIF(**NEURON)(CURRENT))
    assert not torch.equal(keyed(layer.train(), CURRENT), LIF(**NEURON)(CURRENT))


@pytest.mark.parametrize("wrong", [{"noise": 0.0}, {"noise": math.inf}, {"noise": 0.1, "noisy": "seldom"}])
def test_wrong_noise(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"noise of a neuron must be positive|noisy must be"):
        NoisyLIF(**wrong)


@pytest.mark.parametrize("path", [BPTT(surrogate="atan"), ASSG(), RGA()], ids=repr)
def test_gradient_paths_take_the_layers_and_leave_the_forward(path: Any) -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    model = settled(compact(steps=3, neuron={"noise": 0.2, "threshold": 0.5}, widths=(4, 4, 4, 4)), images)
    own = _logits(model, images)
    leaf = images.clone().requires_grad_()
    with path.applied(model) as bound:
        logits = _logits(model, leaf)
    assert bound.layers == 4
    assert torch.equal(logits, own)
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), leaf)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    with drawing(KeyedRng.of(0, torch.arange(len(images)))):
        logits: Tensor = model(images)
    return logits


def test_layers_of_a_network_draw_under_names_of_their_own() -> None:
    model = compact(steps=2, neuron={"noise": 0.2}, widths=(4, 4, 4, 4))
    names = [module.layer for module in model.modules() if isinstance(module, NoisyLIF)]
    assert len(names) == len(set(names)) == 4


@pytest.mark.parametrize("noisy", ["training", "always"])
def test_a_network_has_a_canonical_form_that_draws_the_same(noisy: str) -> None:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    model = settled(compact(steps=2, neuron={"noise": 0.2, "noisy": noisy}, widths=(4, 4, 4, 4)), images)
    form = canonical(model)
    assert form is not None
    with torch.no_grad():
        expected, found = _logits(model, images), _logits(form, images)
    # One rounding at a threshold moves a spike; most images have none.
    assert ((found - expected).abs().amax(1) < 1e-3).float().mean() >= 0.5


def test_normal_numbers_have_the_same_bits_everywhere() -> None:
    """No cell's number lies so near the middle of two multiples of 1/4096 that another rounding of it would decide."""
    cells = normal_cells().double()
    assert torch.equal(cells, -cells.flip(0)) and (cells.diff() >= 0).all()
    exact = torch.tensor([NormalDist().inv_cdf((cell + 0.5) / CELLS) for cell in range(CELLS)], dtype=torch.float64) * CELLS
    assert ((exact - exact.floor() - 0.5).abs() > 1e-7).all()
    assert torch.equal(cells, exact.round() / CELLS)
    assert float(cells.square().mean()) == pytest.approx(1, abs=1e-3) and float(cells.max()) == pytest.approx(3.67, abs=0.01)

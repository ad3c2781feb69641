"""Neurons behind stochastic gates: how often they are open, what they draw, and their derivative."""

from __future__ import annotations

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
from zoo.loading import adopt
from zoo.spiking.gated import Gate, GatedLIF
from zoo.spiking.neurons import LIF

NEURON: dict[str, Any] = {"decay": 0.5, "threshold": 0.8}
CURRENT = torch.randn(4, 6, 5, 4, 4, generator=torch.Generator().manual_seed(0))


def keyed(layer: nn.Module, current: Tensor, ids: list[int] | None = None, seed: int = 0, pool: int = 1) -> Tensor:
    rows = torch.arange(current.shape[1]) if ids is None else torch.tensor(ids)
    with drawing(KeyedRng.of(seed, rows)):
        passed: Tensor = layer.pooled(current, pool) if isinstance(layer, GatedLIF) else layer(current)
    return passed


def small(**gates: float) -> nn.Module:
    torch.manual_seed(0)
    return compact(steps=3, neuron={"threshold": 0.5, **gates}, widths=(4, 4, 4, 4))


@pytest.mark.parametrize("probability", [0.1, 0.35, 0.9])
def test_spikes_pass_with_the_probability_of_their_gate(probability: float) -> None:
    passed = keyed(GatedLIF(gates=probability, threshold=1.0), torch.ones(1, 50, 400)).detach().flatten()
    assert at_least(passed) <= probability <= at_most(passed)


def test_open_gates_pass_everything_and_no_gate_makes_a_spike() -> None:
    spikes = LIF(**NEURON)(CURRENT)
    assert torch.equal(keyed(GatedLIF(gates=1.0, **NEURON), CURRENT), spikes)
    passed = keyed(GatedLIF(gates=0.5, **NEURON), CURRENT).detach()
    assert bool((passed <= spikes).all()) and 0 < float(passed.sum()) < float(spikes.sum())


def test_a_gate_does_not_touch_the_reset() -> None:
    """The potential falls at every spike, whether it passes or not."""
    layer = GatedLIF(gates=0.1, threshold=1.0, decay=1.0, reset="soft")
    passed = keyed(layer, torch.full((40, 8, 20), 0.5))
    assert not bool(passed[0::2].any()) and bool(passed[1::2].any())


def test_pooled_spikes_are_means_of_gated_ones() -> None:
    layer = GatedLIF(gates=0.5, **NEURON)
    expected = torch.nn.functional.avg_pool2d(keyed(layer, CURRENT).flatten(0, 1), 2).unflatten(0, (4, 6))
    assert torch.equal(keyed(layer, CURRENT, pool=2), expected)


def test_draws_are_keyed_by_sample_and_layer() -> None:
    layer, other = (GatedLIF(gates=0.5, layer=name, **NEURON) for name in ("first", "second"))
    passed = keyed(layer, CURRENT)
    assert torch.equal(passed, keyed(layer, CURRENT))
    assert torch.equal(passed[:, [4, 1]], keyed(layer, CURRENT[:, [4, 1]], [4, 1]))
    assert not torch.equal(passed, keyed(other, CURRENT))
    assert not torch.equal(passed, keyed(layer, CURRENT, seed=1))


def test_the_derivative_is_that_of_the_relaxed_gate() -> None:
    """Values of the formula, and finite differences of the gate that it relaxes."""
    uniform = torch.tensor([[[0.3, 0.8], [0.6, 0.95]]], dtype=torch.float64)
    p = torch.tensor([0.4, 0.7], dtype=torch.float64, requires_grad=True)
    gates: Tensor = Gate.apply(p, uniform)  # type: ignore[no-untyped-call]
    assert gates.tolist() == [[[0, 1], [1, 1]]]
    weight = torch.tensor([[[1.0, -2.0], [3.0, 0.5]]], dtype=torch.float64)
    (slope,) = torch.autograd.grad((gates * weight).sum(), p)

    def relaxed(probability: Tensor) -> Tensor:
        return (weight * torch.sigmoid((torch.logit(uniform) + torch.logit(probability)) / 0.5)).sum((0, 1))

    step = 1e-6
    numeric = (relaxed(p.detach() + step) - relaxed(p.detach() - step)) / (2 * step)
    torch.testing.assert_close(slope, numeric, rtol=1e-6, atol=1e-8)
    # By hand, one gate: u = 0.5 has logit 0, so that z~ = p^2 / (p^2 + (1 - p)^2) at temperature 1/2.
    half = torch.tensor([0.6], dtype=torch.float64, requires_grad=True)
    (by_hand,) = torch.autograd.grad(Gate.apply(half, torch.tensor([[0.5]], dtype=torch.float64)).sum(), half)  # type: ignore[no-untyped-call]
    z = 0.36 / 0.52
    assert float(by_hand) == pytest.approx(z * (1 - z) / (0.5 * 0.6 * 0.4))


def test_the_derivative_is_finite_where_a_gate_is_always_open() -> None:
    p = torch.tensor([1.0], requires_grad=True)
    gates: Tensor = Gate.apply(p, torch.tensor([[0.0], [0.5], [1.0 - 2**-24]]))  # type: ignore[no-untyped-call]
    (slope,) = torch.autograd.grad(gates.sum(), p)
    assert gates.flatten().tolist() == [1, 1, 1] and bool(slope.isfinite()) and float(slope) >= 0


def test_clipped_gates_wait_for_their_prior() -> None:
    for raw, passes in ((1.0, False), (0.9, True), (0.1, False)):
        layer = GatedLIF(gates=raw, **NEURON)
        keyed(layer, CURRENT).sum().backward()
        assert layer.raw.grad is not None and (float(layer.raw.grad) != 0) == passes


@pytest.mark.parametrize("gates", [0.0, 0.05, 1.5, float("nan")])
def test_wrong_gates(gates: float) -> None:
    with pytest.raises(ValueError, match=r"probability from 0\.1 to 1"):
        GatedLIF(gates=gates)


def test_each_neuron_of_a_network_has_a_gate_of_its_own_and_starts_from_a_network_without() -> None:
    gated, plain = small(gates=1.0), small()
    layers = [layer for layer in gated.modules() if isinstance(layer, GatedLIF)]
    assert [tuple(layer.raw.shape) for layer in layers] == [(4, 16, 16), (4, 8, 8), (4, 8, 8), (4, 4, 4)]
    assert len({layer.layer for layer in layers}) == 4
    adopt(gated, plain.state_dict(), "plain")
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(gated.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("path", [BPTT(surrogate="atan"), ASSG(), RGA()], ids=repr)
def test_gradient_paths_take_the_layers_and_leave_the_forward(path: Any) -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = settled(small(gates=0.6), images)
    x = images.clone().requires_grad_()
    with drawing(KeyedRng.of(0, torch.arange(3))):
        expected = model(images)
        with path.applied(model) as bound:
            logits = model(x)
    assert bound.layers == 4 and torch.equal(logits, expected)
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), x)
    assert bool(gradient.isfinite().all()) and float(gradient.abs().sum()) > 0


def test_a_network_of_them_has_a_canonical_form() -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = settled(small(gates=0.6), images)
    twin = canonical(model)
    assert twin is not None
    with drawing(KeyedRng.of(0, torch.arange(3))):
        together = twin(images)
    with drawing(KeyedRng.of(0, torch.arange(3)).rows(torch.tensor([2]))):
        assert torch.equal(twin(images[2:]), together[2:])

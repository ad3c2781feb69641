"""Neurons whose thresholds adapt: against a loop that autograd differentiates, against plain neurons, and in networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import settled
from support.neuron_layers import PATHS, assert_canonical, assert_forward_is_left, assert_same_gradients, drawn
from torch import Tensor, nn

from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.last_step import LastStep
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.architectures.compact import compact
from zoo.spiking.homeostatic import HomeostaticLIF
from zoo.spiking.membrane import last_spiking
from zoo.spiking.neurons import LIF

T = 4


def layer_of(anchors: Tensor, rates: Tensor, **neuron: Any) -> HomeostaticLIF:
    layer = HomeostaticLIF(anchors=len(anchors), **neuron).double()
    layer.anchors, layer.adaptation = anchors.clone(), nn.Parameter(rates.clone())
    return layer


def by_hand(
    current: Tensor, anchors: Tensor, rates: Tensor, *, threshold: float, slope: Surrogate, start: float, attached: bool
) -> Tensor:
    """Spikes ``(T, n, ...)`` step by step, with a threshold that moves, differentiated by autograd."""
    state, moving, spikes = torch.full_like(current[0], start), torch.full_like(current[0], threshold), []
    for t in range(len(current)):
        potential = 0.9 * state + current[t]
        moving = moving + rates * (potential - anchors[t])
        above = potential - moving
        ds = slope.derivative(above.detach() + threshold, threshold)
        spike = (above >= 0).double() + ds * (above - above.detach())
        state = potential * (1 - (spike if attached else spike.detach()))
        spikes.append(spike)
    return torch.stack(spikes)


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
@pytest.mark.parametrize("reset_path", ["attached", "detached"])
@pytest.mark.parametrize("units", [(5, 3, 3), (7,)], ids=repr)
def test_forward_and_gradients_are_those_of_a_loop(surrogate: str, reset_path: Any, units: tuple[int, ...]) -> None:
    """Gradients of the current and of each neuron's rate."""
    current, anchors = 0.5 + drawn(T, 6, *units), 0.4 + 0.3 * drawn(T, *units, seed=1)
    rates = 0.05 + 0.8 * torch.rand(units, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    layer = layer_of(anchors, rates, threshold=0.6, start=0.2, surrogate=surrogate, reset_path=reset_path)
    leaf, hand_leaf, hand_rates = (value.clone().requires_grad_() for value in (current, current, rates))
    choices: dict[str, Any] = {"slope": Surrogate(surrogate), "start": 0.2, "attached": reset_path == "attached"}
    wanted = by_hand(hand_leaf, anchors, hand_rates, threshold=0.6, **choices)
    spikes = layer(leaf)
    torch.testing.assert_close(spikes, wanted.detach(), rtol=0, atol=0)
    assert 0.05 < spikes.detach().mean() < 0.95
    weights = drawn(*spikes.shape, seed=2)
    computed = torch.autograd.grad((weights * spikes).sum(), [leaf, layer.adaptation])
    expected = torch.autograd.grad((weights * wanted).sum(), [hand_leaf, hand_rates])
    torch.testing.assert_close(computed, expected, rtol=1e-8, atol=1e-8)


def test_the_rate_of_a_layer_sums_over_its_neurons() -> None:
    current, weights = drawn(T, 6, 5, 3, 3), drawn(T, 6, 5, 3, 3, seed=2)
    anchors, rate = drawn(T, seed=3), torch.tensor(0.3, dtype=torch.float64)
    shared = layer_of(anchors, rate)
    own = layer_of(anchors.view(T, 1, 1, 1).expand(T, 5, 3, 3), rate.expand(5, 3, 3))
    assert torch.equal(shared(current), own(current))
    (of_layer,) = torch.autograd.grad((weights * shared(current)).sum(), shared.adaptation)
    (of_neurons,) = torch.autograd.grad((weights * own(current)).sum(), own.adaptation)
    torch.testing.assert_close(of_layer, of_neurons.sum())


@given(seed=st.integers(0, 500), decay=st.floats(0, 1, width=32), channels_last=st.booleans(), same=st.booleans())
def test_neurons_whose_thresholds_rest_are_plain(seed: int, decay: float, channels_last: bool, same: bool) -> None:
    """In any layout of memory, and for a current that is the same at each step."""
    neuron: dict[str, Any] = {"decay": decay, "threshold": 0.7, "start": 0.1}
    current = drawn(T, 3, 4, 2, 2, seed=seed)
    if channels_last:
        current = current.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    if same:
        current = current[:1].expand(T, *current.shape[1:])
    leaf, other = current.clone().requires_grad_(), current.clone().requires_grad_()
    spikes, wanted = HomeostaticLIF(anchors=T, adaptation=0, **neuron).double()(leaf), LIF(**neuron).double()(other)
    assert torch.equal(spikes, wanted)
    weights = drawn(*spikes.shape, seed=seed + 1)
    gradients = [torch.autograd.grad((weights * out).sum(), x)[0] for out, x in ((spikes, leaf), (wanted, other))]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_every_gradient_path_is_that_of_plain_neurons_where_thresholds_rest(path: GradientPath) -> None:
    neuron: dict[str, Any] = {"decay": 0.8, "threshold": 0.7, "surrogate": "atan"}
    assert_same_gradients((HomeostaticLIF(anchors=T, adaptation=0, **neuron), LIF(**neuron)), path)


def test_a_potential_raises_the_thresholds_of_later_steps() -> None:
    """Two steps, no spike, rate 1/4, decay 1/2, slope 1: what reaches the first current from the second spike is
    1/2 * (1 - 1/4) - 1/4, and the second current gets 1 - 1/4.
    """
    rates = torch.full((1,), 0.25, dtype=torch.float64)
    layer = layer_of(torch.zeros(2, 1, dtype=torch.float64), rates, decay=0.5).requires_grad_(False)
    current = torch.tensor([[[0.1]], [[0.2]]], dtype=torch.float64, requires_grad=True)
    for path in (BPTT(surrogate="straight_through", reset="detached"), LastStep(surrogate="straight_through")):
        with path.applied(layer):
            spikes = layer(current)
        (gradient,) = torch.autograd.grad(spikes[1].sum(), current)
        assert gradient.flatten().tolist() == pytest.approx([0.5 * 0.75 - 0.25, 0.75])


def test_a_potential_above_its_anchor_fires_less() -> None:
    """At the anchor thresholds stay; a current of twice the anchor fires without adaptation and not with it."""
    anchors = torch.full((1, 1), 0.6, dtype=torch.float64)
    current = torch.tensor([[[1.2]]], dtype=torch.float64)
    for rate, spike in ((0.0, 1.0), (0.5, 0.0)):
        assert layer_of(anchors, torch.full((1,), rate, dtype=torch.float64))(current).item() == spike
    assert layer_of(anchors, torch.full((1,), 0.5, dtype=torch.float64), threshold=0.6)(anchors[:, None]).item() == 1.0


# --- in networks ---


def network() -> nn.Module:
    torch.manual_seed(0)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = compact(steps=T, neuron={"anchors": T, "threshold": 0.5}, widths=(4, 4, 6, 4))
    for layer in model.modules():
        if isinstance(layer, HomeostaticLIF):
            layer.adaptation.data = 0.3 * torch.rand(layer.adaptation.shape)
            layer.anchors.copy_(0.4 * torch.rand(layer.anchors.shape))
    return settled(model, images)


def test_each_neuron_of_the_compact_network_has_its_rate_and_anchors() -> None:
    layers = [layer for layer in network().modules() if isinstance(layer, HomeostaticLIF)]
    assert [tuple(layer.anchors.shape) for layer in layers] == [(T, 4, 16, 16), (T, 4, 8, 8), (T, 6, 8, 8), (T, 4, 4, 4)]
    assert all(layer.adaptation.shape == layer.anchors.shape[1:] for layer in layers)


def test_a_network_has_a_canonical_form_with_the_same_thresholds() -> None:
    assert_canonical(network())


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_leaves_the_forward_of_a_network(path: GradientPath) -> None:
    assert_forward_is_left(network(), path)


def test_formulas_that_know_one_threshold_alone_refuse_them() -> None:
    with pytest.raises(ValueError, match="whose leak or threshold differs from step to step"):
        last_spiking(network())


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        ({"anchors": 0}, "at least one step, not 0"),
        ({"anchors": 2, "reset": "soft"}, "set reset to 'hard'"),
        ({"anchors": 2, "adaptation": 1.0}, "between 0 and 0.9, got 1.0"),
        ({"anchors": 2, "adaptation": float("nan")}, "between 0 and 0.9, got nan"),
    ],
    ids=str,
)
def test_neurons_that_cannot_be(neuron: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HomeostaticLIF(**neuron)


def test_another_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="an anchor for 3 steps, the current has 4"):
        HomeostaticLIF(anchors=3)(torch.zeros(4, 1, 2))

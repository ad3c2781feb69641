"""Neurons with a leak per step: against loops, against neurons with one leak, and under every gradient path."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import settled
from support.neuron_layers import PATHS, assert_canonical, assert_forward_is_left, assert_same_gradients, drawn
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.last_step import LastStep
from attacks.gradients.rate import RGA
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.architectures.compact import compact
from zoo.architectures.vgg import vgg_body
from zoo.spiking.leaking import LeakingLIF
from zoo.spiking.membrane import last_spiking
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.per_neuron import per_neuron_

T = 4


def layer_of(leaks: Tensor, **neuron: Any) -> LeakingLIF:
    layer = LeakingLIF(leaks=len(leaks), **neuron).double()
    layer.leaks = nn.Parameter(leaks.clone())
    return layer


def by_hand(current: Tensor, leaks: Tensor, *, threshold: float, hard: bool, slope: Surrogate, start: float) -> Tensor:
    """Spikes ``(T, n, ...)`` step by step, differentiated by autograd, with the surrogate at each spike."""
    state, spikes = torch.full_like(current[0], start), []
    for t in range(len(current)):
        potential = leaks[t] * state + current[t]
        ds = slope.derivative(potential.detach(), threshold)
        spike = (potential >= threshold).double() + ds * (potential - potential.detach())
        state = potential * (1 - spike) if hard else potential - threshold * spike
        spikes.append(spike)
    return torch.stack(spikes)


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("units", [(5, 3, 3), (7,)], ids=repr)
def test_forward_and_gradients_are_those_of_a_loop(surrogate: str, reset: str, units: tuple[int, ...]) -> None:
    """Gradients of the current and of each neuron's leaks."""
    current, leaks = drawn(T, 6, *units), 0.7 + 0.3 * drawn(T, *units, seed=1)
    layer = layer_of(leaks, threshold=0.6, reset=reset, start=0.2, surrogate=surrogate)
    leaf, hand_leaf, hand_leaks = (value.clone().requires_grad_() for value in (current, current, leaks))
    slope = Surrogate(surrogate)
    wanted = by_hand(hand_leaf, hand_leaks, threshold=0.6, hard=reset == "hard", slope=slope, start=0.2)
    spikes = layer(leaf)
    torch.testing.assert_close(spikes, wanted.detach(), rtol=0, atol=0)
    assert 0.05 < spikes.detach().mean() < 0.95
    weights = drawn(*spikes.shape, seed=2)
    found = torch.autograd.grad((weights * spikes).sum(), [leaf, layer.leaks])
    expected = torch.autograd.grad((weights * wanted).sum(), [hand_leaf, hand_leaks])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_the_leak_of_a_layer_sums_over_its_neurons() -> None:
    current, weights = drawn(T, 6, 5, 3, 3), drawn(T, 6, 5, 3, 3, seed=2)
    shared = layer_of(torch.tensor([0.2, 0.9, 0.5, 0.7], dtype=torch.float64))
    own = layer_of(shared.leaks.detach().view(T, 1, 1, 1).expand(T, 5, 3, 3))
    assert torch.equal(shared(current), own(current))
    (of_layer,) = torch.autograd.grad((weights * shared(current)).sum(), shared.leaks)
    (of_neurons,) = torch.autograd.grad((weights * own(current)).sum(), own.leaks)
    torch.testing.assert_close(of_layer, of_neurons.sum((1, 2, 3)))


@given(
    seed=st.integers(0, 500),
    decay=st.floats(0, 1, width=32),
    hard=st.booleans(),
    channels_last=st.booleans(),
    same=st.booleans(),
)
def test_equal_leaks_are_neurons_with_one_leak(seed: int, decay: float, hard: bool, channels_last: bool, same: bool) -> None:
    """In any layout of memory, and for a current that is the same at each step. A leak is kept in float32."""
    neuron: dict[str, Any] = {"decay": decay, "threshold": 0.7, "reset": "hard" if hard else "soft", "start": 0.1}
    current = drawn(T, 3, 4, 2, 2, seed=seed)
    if channels_last:
        current = current.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    if same:
        current = current[:1].expand(T, *current.shape[1:])
    leaf, other = current.clone().requires_grad_(), current.clone().requires_grad_()
    spikes, wanted = LeakingLIF(leaks=T, **neuron).double()(leaf), LIF(**neuron).double()(other)
    assert torch.equal(spikes, wanted)
    weights = drawn(*spikes.shape, seed=seed + 1)
    gradients = [torch.autograd.grad((weights * out).sum(), x)[0] for out, x in ((spikes, leaf), (wanted, other))]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_every_gradient_path_is_that_of_one_leak_where_leaks_are_equal(path: GradientPath) -> None:
    neuron: dict[str, Any] = {"decay": 0.8, "threshold": 0.7, "surrogate": "atan"}
    assert_same_gradients((LeakingLIF(leaks=T, **neuron), LIF(**neuron)), path)


def test_paths_see_the_leak_of_the_step() -> None:
    """Two steps, no spike: what arrives at the second step reaches the first one times the second leak, 0.25."""
    layer = layer_of(torch.tensor([0.9, 0.25], dtype=torch.float64), threshold=10.0).requires_grad_(False)
    current = torch.tensor([[[1.0]], [[1.0]]], dtype=torch.float64, requires_grad=True)
    for path in (BPTT(surrogate="straight_through", reset="detached"), ASSG(), LastStep(surrogate="straight_through")):
        with path.applied(layer):
            spikes = layer(current)
        first, second = torch.autograd.grad(spikes[1].sum(), current)[0].flatten().tolist()
        assert first == pytest.approx(0.25 * second, rel=1e-12) and second > 0


def test_the_rate_of_a_layer_takes_the_mean_leak() -> None:
    """RGA, with a mean leak of 0.5: (1 - 0.2 th + 0.2 leak th) / ((leak + 1) th) above the knee (1 - leak) th, 0.2 below."""
    layer = layer_of(torch.tensor([0.9, 0.1], dtype=torch.float64)).requires_grad_(False)
    current = torch.tensor([[[0.8, 0.3]], [[0.8, 0.3]]], dtype=torch.float64, requires_grad=True)
    with RGA().applied(layer):
        spikes = layer(current)
    (gradient,) = torch.autograd.grad(spikes.sum(), current)
    assert gradient[0, 0].tolist() == pytest.approx([(1 - 0.2 + 0.1) / 1.5, 0.2])


# --- in networks ---


def network(**neuron: Any) -> nn.Module:
    torch.manual_seed(0)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = compact(steps=T, neuron={"leaks": T, "threshold": 0.5, **neuron}, widths=(4, 4, 6, 4))
    for layer in model.modules():
        if isinstance(layer, LeakingLIF):
            layer.leaks.data = 0.6 + 0.3 * torch.rand(layer.leaks.shape)
    return settled(model, images)


def test_each_neuron_of_the_compact_network_has_its_leaks() -> None:
    shapes = [tuple(layer.leaks.shape) for layer in network().modules() if isinstance(layer, LeakingLIF)]
    assert shapes == [(T, 4, 16, 16), (T, 4, 8, 8), (T, 6, 8, 8), (T, 4, 4, 4)]


def test_each_neuron_of_a_vgg_has_its_leaks() -> None:
    body, _ = vgg_body(lambda: LeakingLIF(leaks=2), plan=(4, 0, 6, 0), channels=3, hidden=5)
    per_neuron_(body, (3, 32, 32))
    shapes = [tuple(layer.leaks.shape) for layer in body if isinstance(layer, LeakingLIF)]
    assert shapes == [(2, 4, 32, 32), (2, 6, 16, 16), (2, 5), (2, 5)]
    assert body(torch.rand(2, 1, 3, 32, 32)).shape == (2, 1, 5)


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(TypeError, match="which neurons follow a Sigmoid is not known"):
        per_neuron_(TimeSequential(nn.Sigmoid(), LeakingLIF(leaks=2)), (3, 8, 8))


def test_a_network_has_a_canonical_form_with_the_same_leaks() -> None:
    assert_canonical(network())


@pytest.mark.parametrize("path", [BPTT(surrogate="atan"), ASSG(), RGA()], ids=repr)
def test_a_path_leaves_the_forward_of_a_network(path: GradientPath) -> None:
    assert_forward_is_left(network(), path)


def test_formulas_that_know_one_leak_alone_refuse_them() -> None:
    with pytest.raises(ValueError, match="whose leak or threshold differs from step to step"):
        last_spiking(network())


def test_wrong_numbers_of_steps() -> None:
    with pytest.raises(ValueError, match="at least one step, not 0"):
        LeakingLIF(leaks=0)
    with pytest.raises(ValueError, match="a leak for 3 steps, the current has 4"):
        LeakingLIF(leaks=3)(torch.zeros(4, 1, 2))

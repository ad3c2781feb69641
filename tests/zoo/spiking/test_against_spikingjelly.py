"""Neurons and the whole compact network against SpikingJelly, an independent implementation.

In float64: the two orders of rounding then never land on different sides of a threshold.
"""

from __future__ import annotations

import pytest
import torch
from support.spikingjelly_twin import (
    compact_in_spikingjelly,
    neuron_in_spikingjelly,
    surrogate_in_spikingjelly,
)
from torch import Tensor, nn

from attacks.gradients.base import Reset
from attacks.gradients.bptt import BPTT
from attacks.gradients.surrogates import Surrogate
from zoo.architectures.compact import compact
from zoo.spiking.neurons import LIF

SURROGATES = [
    ("triangle", 1.0),
    ("triangle", 0.5),
    ("rectangle", 0.8),
    ("atan", None),
    ("sigmoid", None),
    ("gaussian", 0.4),
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(net: nn.Module, x: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.detach().requires_grad_()
    out = net(leaf)
    return out.detach(), torch.autograd.grad(out, leaf, head)[0]


@pytest.mark.parametrize("threshold", [1.0, 0.6])
@pytest.mark.parametrize(("name", "width"), SURROGATES)
def test_surrogates(name: str, width: float | None, threshold: float) -> None:
    """Fixes the conversion of sharpness: alpha = 1 / (width * threshold), triangles included."""
    ours = Surrogate(name, width)
    u = torch.linspace(-2, 4, 601, dtype=torch.float64) + 1e-4
    leaf = (u - threshold).requires_grad_()
    (theirs,) = torch.autograd.grad(surrogate_in_spikingjelly(ours, threshold)(leaf).sum(), leaf)
    torch.testing.assert_close(ours.derivative(u, threshold), theirs, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("path", ["attached", "detached"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("decay", [1.0, 0.9, 0.5])
@pytest.mark.parametrize(("name", "width"), SURROGATES)
def test_neurons(name: str, width: float | None, decay: float, reset: Reset, path: str) -> None:
    ours = LIF(decay=decay, threshold=0.8, reset=reset, surrogate=name, width=width, reset_path=path)
    x, head = draw(6, 3, 4, 5) + 0.4, draw(6, 3, 4, 5, seed=1)
    spikes, slope = gradient(ours, x, head)
    theirs, their_slope = gradient(neuron_in_spikingjelly(ours), x, head)
    assert 0 < spikes.mean() < 1
    assert torch.equal(spikes, theirs)
    torch.testing.assert_close(slope, their_slope, rtol=1e-6, atol=1e-12)


@pytest.fixture(scope="module")
def snn() -> nn.Module:
    """A small compact network with BatchNorm statistics worth copying."""
    torch.manual_seed(0)
    model = compact(steps=3, neuron={"decay": 0.9, "threshold": 0.7}, widths=(4, 6, 6, 8)).double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.running_mean, -0.3), (module.running_var, 0.5), (module.weight, 0.7)):
                nn.init.uniform_(tensor, low, low + 0.6)
            nn.init.uniform_(module.bias, 0, 0.5)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("first_conv_once", [False, True])
def test_compact(snn: nn.Module, first_conv_once: bool) -> None:
    twin = compact_in_spikingjelly(snn, first_conv_once=first_conv_once)
    x, head = draw(4, 3, 32, 32).sigmoid(), draw(4, 10, seed=1)
    for _ in range(2):
        logits, slope = gradient(snn, x, head)
        theirs, their_slope = gradient(twin, x, head)
        assert slope.abs().amax() > 1e-6
        torch.testing.assert_close(logits, theirs, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(slope, their_slope, rtol=1e-6, atol=1e-10)


def test_attackers_path_replaces_the_trained_one(snn: nn.Module) -> None:
    """BPTT with another surrogate is the twin of a network that was trained with that one."""
    path = BPTT(surrogate="atan", alpha=2.0, reset="detached")
    other = compact(
        steps=3,
        neuron={"decay": 0.9, "threshold": 0.7, "surrogate": "atan", "width": 0.5, "reset_path": "detached"},
        widths=(4, 6, 6, 8),
    ).double()
    other.load_state_dict(snn.state_dict())
    x, head = draw(2, 3, 32, 32).sigmoid(), draw(2, 10, seed=1)
    with path.applied(snn) as bound:
        _, slope = gradient(snn, x, head)
    _, theirs = gradient(compact_in_spikingjelly(other.eval()), x, head)
    assert bound.layers == 4
    torch.testing.assert_close(slope, theirs, rtol=1e-6, atol=1e-10)
    assert not torch.allclose(slope, gradient(snn, x, head)[1], rtol=1e-2)


def test_twin_learns_like_the_network(snn: nn.Module) -> None:
    """In train mode the weight gradients agree as well, so training speed can be compared fairly."""
    twin = compact_in_spikingjelly(snn.requires_grad_(True)).train()
    x, head = draw(3, 3, 32, 32).sigmoid(), draw(3, 10, seed=1)
    try:
        ours = torch.autograd.grad(snn.train()(x), list(snn.parameters()), head)
        theirs = torch.autograd.grad(twin(x), list(twin.parameters()), head)
    finally:
        snn.eval().requires_grad_(False)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-10)


def test_no_twin_without_direct_spikes() -> None:
    with pytest.raises(ValueError, match="direct"):
        compact_in_spikingjelly(compact(steps=2, neuron={}, encoder="poisson"))
    with pytest.raises(ValueError, match="starting potential"):
        neuron_in_spikingjelly(LIF(start=0.5))

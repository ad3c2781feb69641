"""Neurons of four libraries, as they are: the attacker's derivative in the place of theirs, and their own bits.

A library's surrogate that is one of our families must give the library's own gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites

STEPS = 5


def weights() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    one, two, three = (torch.randn(a, b, generator=generator) / b**0.5 for a, b in ((24, 32), (24, 24), (5, 24)))
    return one, two, three


@pytest.fixture
def images() -> Tensor:
    return torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def slope(model: nn.Module, path: GradientPath, x: Tensor, sites: SpikeSites) -> Tensor:
    leaf = x.clone().requires_grad_()
    with path.applied(model, sites=sites):
        outputs = model(leaf)
    return torch.autograd.grad((outputs * torch.arange(5)).sum(), leaf)[0]


def check(
    model: nn.Module, x: Tensor, own: GradientPath | None, *, calls: int, threshold: float = 1.0, training: bool = False
) -> SpikeSites:
    """All that is claimed of every library. own: the path that is the library's own gradient, if it is a path of ours.

    training: whether the neurons, and they alone, are in training mode.
    """
    model = model.eval().requires_grad_(False)
    for neurons in model.neurons:
        neurons.train(training)
    plain, modes = model(x).detach(), [module.training for module in model.modules()]
    sites = spiking_sites(model, x)
    (function,) = sites.functions
    assert (function.calls, sites.layers, sites.uncontrolled, sites.differentiable) == (calls, 2, (), True)
    assert function.thresholds == pytest.approx((threshold, threshold)) and not function.guessed
    theirs = slope(model, Training(), x, sites)
    if own is not None:
        assert float(theirs.abs().max()) > 0
        torch.testing.assert_close(slope(model, own, x, sites), theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
    for path in (BPTT(surrogate="straight_through"), BPTT(width=0.5, reset="detached"), PDSG(), ASSG()):
        with path.applied(model, sites=sites) as bound:
            assert torch.equal(model(x), plain)
        assert (bound.functions, bound.functions_found) == (1, 1)
        assert float(slope(model, path, x, sites).abs().max()) > 0
        assert not torch.allclose(slope(model, path, x, sites), theirs, rtol=1e-3)
    assert torch.equal(slope(model, Training(), x, sites), theirs)
    assert [module.training for module in model.modules()] == modes and torch.equal(model(x), plain)
    return sites


class InLayers(nn.Module):
    """All time steps at once, ``(T, n, ...)``; begin: what the network calls first."""

    def __init__(self, neurons: list[nn.Module], begin: Callable[[nn.Module], None]) -> None:
        super().__init__()
        self.neurons, self.begin = nn.ModuleList(neurons), begin
        self.w = nn.ParameterList(weights())

    def forward(self, x: Tensor) -> Tensor:
        self.begin(self)
        h = F.linear(6 * x.flatten(1) - 2, self.w[0]).expand(STEPS, -1, -1)
        h = self.neurons[1](F.linear(4 * self.neurons[0](h), self.w[1]))
        return F.linear(h, self.w[2]).mean(0)


class InSteps(InLayers):
    """One time step a call."""

    def forward(self, x: Tensor) -> Tensor:
        self.begin(self)
        total = torch.zeros(())
        for _ in range(STEPS):
            h = self.neurons[0](F.linear(6 * x.flatten(1) - 2, self.w[0]))
            total = total + F.linear(self.neurons[1](F.linear(4 * h, self.w[1])), self.w[2])
        return total / STEPS


JELLY: dict[str, Callable[[Any, Any, str], nn.Module]] = {
    "IF": lambda neuron, atan, mode: neuron.IFNode(surrogate_function=atan, step_mode=mode),
    "LIF": lambda neuron, atan, mode: neuron.LIFNode(tau=2.0, surrogate_function=atan, step_mode=mode),
    "LIF, soft": lambda neuron, atan, mode: neuron.LIFNode(v_reset=None, surrogate_function=atan, step_mode=mode),
    "LIF, resets elsewhere": lambda neuron, atan, mode: neuron.LIFNode(
        v_reset=-0.2, decay_input=False, surrogate_function=atan, step_mode=mode
    ),
    "PLIF": lambda neuron, atan, mode: neuron.ParametricLIFNode(surrogate_function=atan, step_mode=mode),
    "QIF": lambda neuron, atan, mode: neuron.QIFNode(surrogate_function=atan, step_mode=mode),
    "EIF": lambda neuron, atan, mode: neuron.EIFNode(surrogate_function=atan, step_mode=mode),
}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("node", JELLY)
def test_spikingjelly(node: str, mode: str, training: bool, images: Tensor) -> None:
    activation_based = pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, neuron, surrogate

    assert activation_based
    neurons = [JELLY[node](neuron, surrogate.ATan(alpha=2.0), mode) for _ in range(2)]
    model = (InLayers if mode == "m" else InSteps)(neurons, functional.reset_net)
    sites = check(model, images, BPTT(surrogate="atan", width=0.5), calls=2 * STEPS, training=training)
    assert sites.resettable == ("neurons.0", "neurons.1")


@pytest.mark.parametrize("surrogate_name", ["LeakyKReLU", "PiecewiseLeakyReLU", "Rect", "heaviside"])
def test_spikingjelly_with_any_surrogate(surrogate_name: str, images: Tensor) -> None:
    pytest.importorskip("spikingjelly")
    from spikingjelly.activation_based import functional, neuron, surrogate

    made = getattr(surrogate, surrogate_name, None)
    if made is None:
        pytest.skip("an older version without it")
    function = made if surrogate_name == "heaviside" else made()
    neurons = [neuron.LIFNode(surrogate_function=function, step_mode="m", v_threshold=0.8) for _ in range(2)]
    check(InLayers(neurons, functional.reset_net), images, None, calls=2 * STEPS, threshold=0.8)


@pytest.mark.parametrize("detach", [False, True])
def test_the_attacker_chooses_whether_the_reset_of_spikingjelly_is_attached(detach: bool, images: Tensor) -> None:
    pytest.importorskip("spikingjelly")
    from spikingjelly.activation_based import functional, neuron, surrogate

    def net(detached: bool) -> nn.Module:
        settings = {"surrogate_function": surrogate.ATan(), "step_mode": "m", "detach_reset": detached}
        return InLayers([neuron.LIFNode(**settings) for _ in range(2)], functional.reset_net).eval()

    given, other = net(detach), net(not detach)
    path = BPTT(width=0.5, reset="attached" if detach else "detached")
    found = slope(given, path, images, spiking_sites(given, images))
    torch.testing.assert_close(found, slope(other, path, images, spiking_sites(other, images)))
    assert [node.detach_reset for node in given.neurons] == [detach, detach]


class FiresInAScript(nn.Module):
    """Neurons that compare in a script in eval mode and fire through a surrogate in training, as some versions did."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.v_threshold, self.surrogate_function, self.shift = 1.0, _Atan(), shift
        self.v: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        v = 0.8 * self.v + x
        if self.training:
            spikes = self.surrogate_function(v - self.v_threshold + self.shift)
        else:
            spikes = _compare(v, self.v_threshold)
        self.v = v * (1 - spikes)
        return spikes


class _Atan(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _AtanFunction.apply(x)


class _AtanFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad / (1 + (torch.pi * x) ** 2)


@torch.jit.script
def _compare(v: Tensor, threshold: float) -> Tensor:
    return (v >= threshold).to(v)


def empty(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, FiresInAScript):
            module.v = 0.0


def test_neurons_that_fire_in_a_script_in_eval_mode_fire_through_their_surrogate_under_a_path(images: Tensor) -> None:
    model = InSteps([FiresInAScript(), FiresInAScript()], empty)
    sites = check(model, images, BPTT(surrogate="atan", width=0.5), calls=2 * STEPS)
    assert [adjustment.attribute for adjustment in sites.adjustments] == ["training", "training"]


def test_neurons_that_would_fire_otherwise_are_told_as_out_of_control(images: Tensor) -> None:
    model = InSteps([FiresInAScript(shift=0.3), FiresInAScript(shift=0.3)], empty).eval()
    sites = spiking_sites(model, images)
    told = {(item.what, item.place) for item in sites.uncontrolled}
    assert {("the neurons FiresInAScript", "neurons.0"), ("the neurons FiresInAScript", "neurons.1")} <= told
    assert sites.functions == () and sites.adjustments == () and not sites.differentiable


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("kind", ["Leaky", "Synaptic"])
def test_snntorch(kind: str, reset: str, images: Tensor) -> None:
    snn = pytest.importorskip("snntorch")
    from snntorch import surrogate

    settings = {"beta": 0.8, "threshold": 0.8, "reset_mechanism": reset, "spike_grad": surrogate.atan(alpha=2.0)}
    settings |= {"alpha": 0.5} if kind == "Synaptic" else {}
    model = Returning([getattr(snn, kind)(**settings) for _ in range(2)])
    check(model, images, BPTT(surrogate="atan", width=0.5 / 0.8), calls=2 * STEPS, threshold=0.8)


def test_snntorch_without_any_surrogate(images: Tensor) -> None:
    snn = pytest.importorskip("snntorch")
    model = Returning([snn.Leaky(beta=0.8, surrogate_disable=True) for _ in range(2)])
    sites = check(model, images, None, calls=2 * STEPS)
    assert {adjustment.attribute for adjustment in sites.adjustments} == {"spike_grad"}


class Returning(nn.Module):
    """Neurons that return spikes and their state, one time step a call."""

    def __init__(self, neurons: list[nn.Module]) -> None:
        super().__init__()
        self.neurons, self.w = nn.ModuleList(neurons), nn.ParameterList(weights())

    def initial(self, neurons: nn.Module) -> tuple[Any, ...]:
        state = neurons.reset_mem()
        return state if isinstance(state, tuple) else (state,)

    def forward(self, x: Tensor) -> Tensor:
        first, second = (self.initial(neurons) for neurons in self.neurons)
        total = torch.zeros(())
        for _ in range(STEPS):
            h, *first = self.neurons[0](F.linear(6 * x.flatten(1) - 2, self.w[0]), *first)
            out, *second = self.neurons[1](F.linear(4 * h, self.w[1]), *second)
            total = total + F.linear(out, self.w[2])
        return total / STEPS


def test_norse(images: Tensor) -> None:
    norse = pytest.importorskip("norse.torch")

    class Net(Returning):
        def initial(self, neurons: nn.Module) -> tuple[Any, ...]:
            return (None,)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(8 * x - 2)

    model = Net([norse.LIFCell(dt=0.01), norse.LIFCell(dt=0.01)])
    check(model, images, BPTT(surrogate="fast_sigmoid", width=1.0), calls=2 * STEPS)


@pytest.mark.parametrize("kind", ["LIF", "IAF"])
def test_sinabs(kind: str, images: Tensor) -> None:
    pytest.importorskip("sinabs")
    from sinabs import layers
    from sinabs.activation import Gaussian, MembraneSubtract, SingleSpike

    settings = {"spike_fn": SingleSpike, "reset_fn": MembraneSubtract(), "surrogate_grad_fn": Gaussian(sigma=0.5)}
    settings |= {"tau_mem": 4.0, "norm_input": False} if kind == "LIF" else {}
    model = BatchFirst([getattr(layers, kind)(**settings) for _ in range(2)])
    check(model, images, BPTT(surrogate="gaussian", width=0.5), calls=2 * STEPS)


def test_sinabs_with_several_spikes_a_step(images: Tensor) -> None:
    pytest.importorskip("sinabs")
    from sinabs import layers

    sites = check(BatchFirst([layers.IAF(), layers.IAF()]), images, None, calls=2 * STEPS)
    assert sites.functions[0].levels == 0


class BatchFirst(InLayers):
    def __init__(self, neurons: list[nn.Module]) -> None:
        super().__init__(neurons, lambda model: [layer.reset_states() for layer in neurons] and None)

    def forward(self, x: Tensor) -> Tensor:
        self.begin(self)
        h = F.linear(6 * x.flatten(1) - 2, self.w[0]).unsqueeze(1).expand(-1, STEPS, -1)
        h = self.neurons[1](F.linear(4 * self.neurons[0](h), self.w[1]))
        return F.linear(h, self.w[2]).mean(1)

"""Networks of SpikingJelly."""

from __future__ import annotations

from collections.abc import Callable

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

from strangers.twins import DECAY, DECAYS, THRESHOLD
from strangers.weights import STEPS, Layers, fill

Node = Callable[[int], nn.Module]
"""The neurons of a layer, by its number."""


class MultiStep(nn.Module):
    """All steps in each layer: ``set_step_mode(net, "m")``."""

    def __init__(self, kind: str, node: Node, gains: tuple[float, float] = (1.0, 1.0)) -> None:
        super().__init__()
        self.net = nn.Sequential(
            layer.Conv2d(3, 12, kernel_size=5, stride=2, padding=2),
            node(0),
            layer.AvgPool2d(2),
            layer.Conv2d(12, 24, kernel_size=3, padding=1),
            node(1),
            layer.AvgPool2d(2),
            layer.Flatten(),
            layer.Linear(24 * 16, 10),
        )
        for place, name, gain in ((0, "stem", gains[0]), (3, "second", gains[1]), (7, "readout", 1.0)):
            fill(self.net[place], kind, name, gain)
        functional.set_step_mode(self, "m")

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        return self.net(x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)).mean(0)


class StepByStep(Layers):
    """One step a call: layers of torch, time outermost."""

    def __init__(self) -> None:
        super().__init__("lif")
        settings = {"tau": 1 / (1 - DECAY), "decay_input": False, "v_threshold": THRESHOLD, "detach_reset": True}
        self.sn1 = neuron.LIFNode(surrogate_function=surrogate.PiecewiseQuadratic(), **settings)
        self.sn2 = neuron.LIFNode(surrogate_function=surrogate.PiecewiseQuadratic(), **settings)

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        fr = 0.0
        for _ in range(STEPS):
            h = self.pool(self.sn1(self.conv1(x)))
            h = self.pool(self.sn2(self.conv2(h)))
            fr = fr + self.fc(h.flatten(1))
        return fr / STEPS


class SEW(nn.Module):
    """A residual block that adds spikes to spikes."""

    def __init__(self) -> None:
        super().__init__()
        settings = {"tau": 1 / (1 - DECAY), "decay_input": False, "surrogate_function": surrogate.ATan()}
        self.conv1, self.sn1 = layer.Conv2d(3, 16, 5, stride=2, padding=2), neuron.LIFNode(**settings)
        self.conv2, self.sn2 = layer.Conv2d(16, 16, 3, padding=1), neuron.LIFNode(**settings)
        self.pool, self.flat, self.fc = layer.AvgPool2d(2), layer.Flatten(), layer.Linear(16 * 16, 10)
        for linear, name in ((self.conv1, "stem"), (self.conv2, "second"), (self.fc, "readout")):
            fill(linear, "residual", name)
        functional.set_step_mode(self, "m")

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        s = self.pool(self.sn1(self.conv1(x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1))))
        s = self.sn2(self.conv2(s)) + s
        return self.fc(self.flat(self.pool(s))).mean(0)


def lif() -> nn.Module:
    """``LIFNode`` as it is by default: the input decays as well."""
    tau = 1 / (1 - DECAY)

    def node(number: int) -> nn.Module:
        return neuron.LIFNode(tau=tau, v_threshold=THRESHOLD, surrogate_function=surrogate.ATan())

    return MultiStep("lif", node, gains=(tau, tau))


def integrate_and_fire() -> nn.Module:
    """``IFNode`` with a soft reset."""
    return MultiStep("if", lambda number: neuron.IFNode(v_reset=None, surrogate_function=surrogate.Sigmoid()))


def plif() -> nn.Module:
    """``ParametricLIFNode``, with another time constant in each layer."""
    first, second = (1 / (1 - decay) for decay in DECAYS)
    taus = (first, second)

    def node(number: int) -> nn.Module:
        return neuron.ParametricLIFNode(init_tau=taus[number], surrogate_function=surrogate.ATan(), detach_reset=True)

    return MultiStep("plif", node, gains=taus)

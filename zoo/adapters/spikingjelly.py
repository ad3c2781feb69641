"""Networks made with SpikingJelly: their neurons replaced by ours, which take gradient paths.

SpikingJelly differentiates through the surrogate that its author chose, and in eval mode not at all. :func:`adopt` gives
a network whose forward is the same and whose backward belongs to the attacker:

    def build():                       # my_model.py, for bench evaluate --model my_model.py::build
        return adopt(MyNetwork())
"""

from __future__ import annotations

import copy
import math
from typing import Any

from torch import Tensor, nn

from zoo.spiking.neurons import LIF

_SURROGATES = {
    "PiecewiseQuadratic": ("triangle", 1.0),
    "Rect": ("rectangle", 1.0),
    "ATan": ("atan", 1.0),
    "Sigmoid": ("sigmoid", 1.0),
    "Erf": ("gaussian", math.sqrt(2)),
}
"""SpikingJelly's class to (our family, f) with ``width = 1 / (f * alpha)``, in input units."""


class Adopted(nn.Module):
    """One of our layers in the place of a multi-step SpikingJelly neuron: ``(T, N, ...)`` to spikes of that shape."""

    def __init__(self, neuron: LIF, gain: float) -> None:
        super().__init__()
        self.neuron, self.gain = neuron, gain

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.neuron(x if self.gain == 1 else self.gain * x)
        return spikes


def adopt(model: nn.Module) -> nn.Module:
    """A copy of ``model`` in which every SpikingJelly neuron is one of ours, in eval mode.

    Knows IFNode and LIFNode in multi-step mode, reset to 0 or by subtraction. State is begun anew at every call, so the
    network must call its neurons with all time steps at once.
    Raises ``ValueError`` for any other neuron, and for a model without any.
    """
    from spikingjelly.activation_based import neuron

    adopted = copy.deepcopy(model)
    found = 0
    for parent in list(adopted.modules()):
        for name, child in parent.named_children():
            if isinstance(child, neuron.BaseNode):
                setattr(parent, name, _ours(child, neuron))
                found += 1
    if not found:
        raise ValueError(f"{type(model).__name__} holds no SpikingJelly neurons")
    return adopted.eval()


def _ours(node: Any, neuron: Any) -> Adopted:
    kind = type(node).__name__
    if type(node) not in (neuron.IFNode, neuron.LIFNode):
        raise ValueError(f"a {kind} has no counterpart here; IFNode and LIFNode have")
    if node.step_mode != "m":
        raise ValueError(f"a {kind} runs step by step; call functional.set_step_mode(net, 'm') first")
    if node.v_reset not in (None, 0.0):
        raise ValueError(f"a {kind} resets to {node.v_reset}; only 0 and subtraction are known here")
    surrogate = type(node.surrogate_function).__name__
    if surrogate not in _SURROGATES:
        raise ValueError(f"the surrogate {surrogate} is not known here; known: {', '.join(_SURROGATES)}")
    family, factor = _SURROGATES[surrogate]
    leak = 1 / node.tau if isinstance(node, neuron.LIFNode) else 0.0
    ours = LIF(
        decay=1 - leak,
        threshold=float(node.v_threshold),
        reset="soft" if node.v_reset is None else "hard",
        surrogate=family,
        width=1 / (factor * node.surrogate_function.alpha * node.v_threshold),
        reset_path="detached" if node.detach_reset else "attached",
    )
    return Adopted(ours, leak if leak and node.decay_input else 1.0)

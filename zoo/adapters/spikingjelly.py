"""Networks made with SpikingJelly: their neurons replaced by ours, which take gradient paths as whole layers.

A SpikingJelly network need not be adopted to be attacked: its spike functions are found and differentiated where they are
(:mod:`attacks.gradients.spikes`), with every surrogate, PDSG and ASSG. :func:`adopt` adds the paths that are defined for
whole layers, through rates, and is faster. It gives a network whose forward is the same and whose backward belongs to the
attacker:

    def build():                       # my_model.py, for bench evaluate --model my_model.py::build
        return adopt(MyNetwork())
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.surrogates import Surrogate
from zoo.spiking.neurons import LIF

KINDS = ("IFNode", "LIFNode", "ParametricLIFNode")


@dataclass(frozen=True)
class _Slope:
    """A surrogate of SpikingJelly with the shape of a family of ours.

    width: in input units, is ``1 / (narrow * alpha)``, or ``1 / narrow`` where ``fixed``. peak: the slope at zero is
    ``peak * alpha``.
    """

    family: str
    narrow: float
    peak: float
    fixed: bool = False


_SLOPES = {
    "PiecewiseQuadratic": _Slope("triangle", 1.0, 1.0),
    "Rect": _Slope("rectangle", 1.0, 1.0),
    "ATan": _Slope("atan", 1.0, 0.5),
    "Sigmoid": _Slope("sigmoid", 1.0, 0.25),
    "Erf": _Slope("gaussian", math.sqrt(2), 1 / math.sqrt(math.pi)),
    "SoftSign": _Slope("fast_sigmoid", 1.0, 0.5),
    "SuperSpike": _Slope("fast_sigmoid", 1.0, 1.0, fixed=True),
    "PiecewiseExp": _Slope("exponential", 1.0, 0.5),
}


class Adopted(nn.Module):
    """One of our layers in the place of a multi-step SpikingJelly neuron: ``(T, N, ...)`` to spikes of that shape."""

    def __init__(self, neuron: LIF, gain: float) -> None:
        super().__init__()
        self.neuron, self.gain = neuron, gain

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.neuron(x if self.gain == 1 else self.gain * x)
        return spikes


def adopt(model: nn.Module) -> nn.Module:
    """A copy of ``model`` in which SpikingJelly's neurons are ours where they have a counterpart, in eval mode.

    Knows IFNode, LIFNode and ParametricLIFNode in multi-step mode, reset by subtraction or to any value (potentials are
    then counted from there, and the threshold is the distance to it). Neurons of other kinds, and those whose surrogate is
    none of our families, stay what they are. State is begun anew at every call, so the network must call its neurons with
    all time steps at once.
    Raises ``ValueError`` for neurons that run step by step, and if nothing has a counterpart.
    """
    from spikingjelly.activation_based import neuron

    adopted = copy.deepcopy(model)
    left, replaced = [], 0
    for parent in list(adopted.modules()):
        for name, child in parent.named_children():
            if not isinstance(child, neuron.BaseNode):
                continue
            ours = _ours(child)
            if ours is None:
                left.append(f"{type(child).__name__} with {type(child.surrogate_function).__name__}")
                continue
            setattr(parent, name, ours)
            replaced += 1
    if not replaced and left:
        raise ValueError(f"none of its neurons has a counterpart here ({', '.join(dict.fromkeys(left))}); {AS_IT_IS}")
    if not replaced:
        raise ValueError(f"{type(model).__name__} holds no SpikingJelly neurons")
    return adopted.eval()


AS_IT_IS = "hand the network over as it is: its spikes are differentiated where they are made"


def _ours(node: Any) -> Adopted | None:
    """Our layer for ``node``; None if it has no counterpart."""
    kind = type(node).__name__
    if node.step_mode != "m":
        raise ValueError(f"a {kind} runs step by step, and adopted neurons run all time steps at once; {AS_IT_IS}")
    start = 0.0 if node.v_reset is None else float(node.v_reset)
    threshold = float(node.v_threshold) - start
    surrogate = _counterpart(node.surrogate_function, threshold)
    if kind not in KINDS or surrogate is None:
        return None
    leak = _leak(node)
    ours = LIF(
        decay=1 - leak,
        threshold=threshold,
        reset="soft" if node.v_reset is None else "hard",
        surrogate=surrogate.name,
        width=surrogate.width,
        reset_path="detached" if node.detach_reset else "attached",
    )
    return Adopted(ours, leak if leak and node.decay_input else 1.0)


def _leak(node: Any) -> float:
    """``1 / tau``."""
    if type(node).__name__ == "IFNode":
        return 0.0
    return float(node.w.detach().sigmoid()) if type(node).__name__ == "ParametricLIFNode" else 1 / float(node.tau)


def _counterpart(surrogate: Any, threshold: float) -> Surrogate | None:
    """The surrogate of ours that is this one in units of ``threshold``; None if there is none."""
    known = _SLOPES.get(type(surrogate).__name__)
    if known is None or not threshold > 0:
        return None
    alpha = float(surrogate.alpha)
    width = 1 / known.narrow if known.fixed else 1 / (known.narrow * alpha)
    ours = Surrogate(known.family, width / threshold)
    height = float(ours.derivative(torch.tensor([threshold], dtype=torch.float64), threshold))
    return ours if math.isclose(height, known.peak * alpha, rel_tol=1e-9) else None

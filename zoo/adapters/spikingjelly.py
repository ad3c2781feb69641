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
from collections import Counter
from collections.abc import Iterator
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
    """One of our layers in the place of a multi-step SpikingJelly neuron.

    Its potentials begin anew at every call, so it is the same neuron only where a forward of the network calls it once.
    """

    def __init__(self, neuron: LIF, gain: float) -> None:
        super().__init__()
        self.neuron, self.gain = neuron, gain
        self._calls = 0

    def begin(self) -> None:
        """Count calls from zero: a forward of the network begins."""
        self._calls = 0

    def require_one_call(self) -> None:
        """Raise ``ValueError`` if the forward that ends called the neurons more than once."""
        if self._calls > 1:
            raise ValueError(
                f"adopted neurons were called {self._calls} times in one forward, and would forget their potentials in "
                f"between; {AS_IT_IS}"
            )

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(T, N, ...)`` of 0 and 1 for an input of the same shape."""
        self._calls += 1
        spikes: Tensor = self.neuron(x if self.gain == 1 else self.gain * x)
        return spikes


def adopt(model: nn.Module) -> nn.Module:
    """A copy of ``model`` in which SpikingJelly's neurons are ours where they have a counterpart, in eval mode.

    Knows IFNode, LIFNode and ParametricLIFNode in multi-step mode, reset by subtraction or to any value (potentials are
    then counted from there, and the threshold is the distance to it). Neurons of other kinds, those whose surrogate is
    none of our families, those with hooks and those that stand in several places stay what they are. State is begun anew at
    every call, so the network must call its neurons with all time steps at once: the adopted network raises ``ValueError``
    in a forward that calls neurons more than once.
    Raises ``ValueError`` for neurons that run step by step, and if nothing has a counterpart.
    """
    adopted = copy.deepcopy(model)
    places = list(_neurons(adopted))
    uses = Counter(id(node) for _, _, node in places)
    left, replaced = [], 0
    for parent, name, node in places:
        peculiar = _peculiarity(node, uses[id(node)])
        ours = None if peculiar else _ours(node)
        if ours is None:
            left.append(f"{type(node).__name__} {peculiar or f'with {type(node.surrogate_function).__name__}'}")
            continue
        setattr(parent, name, ours)
        replaced += 1
    if not replaced and left:
        raise ValueError(f"none of its neurons has a counterpart here ({', '.join(dict.fromkeys(left))}); {AS_IT_IS}")
    if not replaced:
        raise ValueError(f"{type(model).__name__} holds no SpikingJelly neurons")
    adopted.register_forward_pre_hook(_begin)
    adopted.register_forward_hook(_end)
    return adopted.eval()


def _neurons(model: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """Every place of a SpikingJelly neuron: the module around it, its name there, and the neuron."""
    from spikingjelly.activation_based import neuron

    for parent in model.modules():
        for name, child in parent._modules.items():
            if isinstance(child, neuron.BaseNode):
                yield parent, name, child


def _begin(model: nn.Module, inputs: Any) -> None:
    for module in model.modules():
        if isinstance(module, Adopted):
            module.begin()


def _end(model: nn.Module, inputs: Any, outputs: Any) -> None:
    for module in model.modules():
        if isinstance(module, Adopted):
            module.require_one_call()


AS_IT_IS = "hand the network over as it is: its spikes are differentiated where they are made"


def _peculiarity(node: Any, places: int) -> str | None:
    """What a neuron does that no layer of ours does, whatever its kind; None for nothing. places: how often it is used."""
    if places > 1:
        return f"in {places} places"
    if node._forward_hooks or node._forward_pre_hooks:
        return "with hooks"
    return None if _is_of_library(node) else f"of {type(node).__module__}"


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
    """The surrogate of ours that is this one in units of ``threshold``; None if there is none, or it makes no spikes."""
    known = _SLOPES.get(type(surrogate).__name__)
    if known is None or not _is_of_library(surrogate) or not surrogate.spiking or not threshold > 0:
        return None
    alpha = float(surrogate.alpha)
    width = 1 / known.narrow if known.fixed else 1 / (known.narrow * alpha)
    ours = Surrogate(known.family, width / threshold)
    height = float(ours.derivative(torch.tensor([threshold], dtype=torch.float64), threshold))
    return ours if math.isclose(height, known.peak * alpha, rel_tol=1e-9) else None


def _is_of_library(part: nn.Module) -> bool:
    """Whether a neuron or surrogate is SpikingJelly's own: a user's class of the same name may do anything."""
    return type(part).__module__.partition(".")[0] == "spikingjelly"

"""An adopted network computes what it did, differentiates as it did, and takes gradient paths."""

from __future__ import annotations

import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

from attacks.gradients.bptt import BPTT
from zoo.adapters.spikingjelly import adopt

NODES = {
    "LIF, hard, decayed input": lambda: neuron.LIFNode(tau=2.0, surrogate_function=surrogate.ATan()),
    "LIF, hard": lambda: neuron.LIFNode(
        tau=4.0, decay_input=False, surrogate_function=surrogate.PiecewiseQuadratic(alpha=2.0)
    ),
    "LIF, soft, detached": lambda: neuron.LIFNode(
        tau=2.0, v_reset=None, detach_reset=True, surrogate_function=surrogate.Sigmoid(), v_threshold=0.7
    ),
    "IF, soft": lambda: neuron.IFNode(v_reset=None, surrogate_function=surrogate.Erf(), v_threshold=1.3),
    "IF, hard": lambda: neuron.IFNode(surrogate_function=surrogate.Rect()),
}


class Net(nn.Module):
    """Images to mean logits over four steps."""

    def __init__(self, node: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(layer.Linear(12, 20), node, layer.Linear(20, 5))
        functional.set_step_mode(self, "m")

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(2 * x.flatten(1).expand(4, -1, -1)).mean(0)
        functional.reset_net(self)
        return logits


def gradient(model: nn.Module, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)[0]


@pytest.mark.parametrize("make", NODES.values(), ids=NODES.keys())
def test_forward_and_own_gradient_are_unchanged(make: object) -> None:
    theirs = Net(make()).double()  # type: ignore[operator]
    ours = adopt(theirs)
    x = torch.rand(6, 3, 2, 2, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))
    own = gradient(theirs, x)
    assert float(own.abs().max()) > 0
    torch.testing.assert_close(gradient(ours, x), own)


def test_the_attacker_may_choose_its_backward() -> None:
    ours = adopt(Net(neuron.LIFNode(tau=2.0)))
    x = torch.rand(6, 3, 2, 2)
    with BPTT(surrogate="rectangle").applied(ours) as bound:
        chosen, outputs = gradient(ours, x), ours(x)
    assert bound.layers == 1
    assert torch.equal(outputs, ours(x))
    assert not torch.equal(chosen, gradient(ours, x))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (neuron.ParametricLIFNode(), "no counterpart"),
        (neuron.IFNode(v_reset=0.2), "resets to 0.2"),
        (neuron.IFNode(surrogate_function=surrogate.LeakyKReLU()), "is not known here"),
        (nn.ReLU(), "no SpikingJelly neurons"),
    ],
)
def test_what_it_cannot_do_it_refuses(node: nn.Module, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        adopt(Net(node))


def test_a_network_that_runs_step_by_step_is_refused() -> None:
    with pytest.raises(ValueError, match="set_step_mode"):
        adopt(nn.Sequential(neuron.IFNode()))

"""An adopted network computes what it did, differentiates as it did, and takes gradient paths."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites
from zoo.adapters.spikingjelly import Adopted, adopt

NODES: dict[str, Callable[[], nn.Module]] = {
    "LIF, hard, decayed input": lambda: neuron.LIFNode(tau=2.0, surrogate_function=surrogate.ATan()),
    "LIF, hard": lambda: neuron.LIFNode(
        tau=4.0, decay_input=False, surrogate_function=surrogate.PiecewiseQuadratic(alpha=2.0)
    ),
    "LIF, soft, detached": lambda: neuron.LIFNode(
        tau=2.0, v_reset=None, detach_reset=True, surrogate_function=surrogate.Sigmoid(), v_threshold=0.7
    ),
    "IF, soft": lambda: neuron.IFNode(v_reset=None, surrogate_function=surrogate.Erf(), v_threshold=1.3),
    "IF, hard": lambda: neuron.IFNode(surrogate_function=surrogate.Rect()),
    "IF, reset to a value": lambda: neuron.IFNode(v_reset=0.2, v_threshold=0.9, surrogate_function=surrogate.ATan()),
    "LIF, reset below zero": lambda: neuron.LIFNode(v_reset=-0.3, surrogate_function=surrogate.ATan()),
    "LIF, reset to a value, whole input": lambda: neuron.LIFNode(
        v_reset=0.1, decay_input=False, surrogate_function=surrogate.Sigmoid(alpha=3.0)
    ),
    "PLIF": lambda: neuron.ParametricLIFNode(init_tau=2.5, surrogate_function=surrogate.ATan()),
    "PLIF, whole input, soft": lambda: neuron.ParametricLIFNode(
        init_tau=1.7, decay_input=False, v_reset=None, surrogate_function=surrogate.Erf(), v_threshold=0.8
    ),
    "PLIF, reset to a value, detached": lambda: neuron.ParametricLIFNode(
        v_reset=-0.1, detach_reset=True, surrogate_function=surrogate.PiecewiseQuadratic()
    ),
    "SoftSign": lambda: neuron.LIFNode(surrogate_function=surrogate.SoftSign(alpha=2.0)),
    "SuperSpike": lambda: neuron.LIFNode(surrogate_function=surrogate.SuperSpike(alpha=1.0)),
    "PiecewiseExp": lambda: neuron.LIFNode(surrogate_function=surrogate.PiecewiseExp(alpha=2.0)),
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
def test_forward_and_own_gradient_are_unchanged(make: Callable[[], nn.Module]) -> None:
    theirs = Net(make()).double()
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


LEFT_ALONE = {
    "no such neuron": lambda: neuron.QIFNode(),
    "no such surrogate": lambda: neuron.LIFNode(surrogate_function=surrogate.LeakyKReLU()),
    "another height": lambda: neuron.LIFNode(surrogate_function=surrogate.PiecewiseExp(alpha=5.0)),
}


@pytest.mark.parametrize("make", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_what_has_no_counterpart_stays_and_is_attacked_where_it_fires(make: Callable[[], nn.Module]) -> None:
    theirs = Net(nn.Sequential(make(), layer.Linear(20, 20), neuron.LIFNode(surrogate_function=surrogate.ATan())))
    functional.set_step_mode(theirs, "m")
    ours, x = adopt(theirs), torch.rand(6, 3, 2, 2)
    assert type(ours.body[1][0]) is type(theirs.body[1][0]) and isinstance(ours.body[1][2], Adopted)
    torch.testing.assert_close(ours(x), theirs(x))
    with BPTT(surrogate="straight_through").applied(ours, sites=spiking_sites(ours, x)) as bound:
        ours(x)
    assert (bound.layers, bound.functions, bound.functions_found) == (1, 1, 1)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (
            neuron.QIFNode(),
            "none of its neurons has a counterpart here .QIFNode with Sigmoid.; hand the network over as it is",
        ),
        (neuron.IFNode(surrogate_function=surrogate.LeakyKReLU()), "IFNode with LeakyKReLU"),
        (neuron.IFNode(v_reset=2.0), "IFNode with Sigmoid"),
        (nn.ReLU(), "no SpikingJelly neurons"),
    ],
)
def test_a_network_that_has_nothing_to_adopt_is_refused(node: nn.Module, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        adopt(Net(node))


class StepByStep(nn.Module):
    """A loop over time around layers of torch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        node = neuron.LIFNode(surrogate_function=surrogate.ATan())
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 20), node, nn.Linear(20, 5))

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        return torch.stack([self.body(4 * x) for _ in range(4)]).mean(0)


def test_a_network_that_runs_step_by_step_is_attacked_as_it_is() -> None:
    """Setting another step mode would take the batch for time in the layers around: it is no advice to give."""
    model, x = StepByStep().eval(), torch.rand(6, 3, 2, 2)
    with pytest.raises(ValueError, match="step by step") as refused:
        adopt(model)
    assert "set_step_mode" not in str(refused.value) and "as it is" in str(refused.value)
    own, sites = gradient(model, x), spiking_sites(model, x)
    with BPTT(surrogate="atan", width=0.5).applied(model, sites=sites) as bound:
        found = gradient(model, x)
    assert bound.functions == 1
    torch.testing.assert_close(found, own)
    with BPTT(surrogate="rectangle").applied(model, sites=sites):
        assert not torch.allclose(gradient(model, x), own)


@pytest.mark.parametrize("path", [BPTT(width=0.5), BPTT(width=0.5, reset="detached"), PDSG(), ASSG()], ids=repr)
@pytest.mark.parametrize("node", ["LIF, hard, decayed input", "IF, soft", "LIF, soft, detached", "PLIF"])
def test_adopted_or_as_it_is_the_gradients_are_the_same(node: str, path: GradientPath) -> None:
    theirs, x = Net(NODES[node]()).double().eval(), torch.rand(6, 3, 2, 2, dtype=torch.float64)
    adopted, sites = gradient_under(path, adopt(theirs), x, None), spiking_sites(theirs, x)
    assert float(adopted.abs().max()) > 0
    torch.testing.assert_close(gradient_under(path, theirs, x, sites), adopted, rtol=1e-6, atol=1e-9)


def gradient_under(path: GradientPath, model: nn.Module, x: Tensor, sites: SpikeSites | None) -> Tensor:
    with path.applied(model, sites=sites):
        return gradient(model, x)


class CalledTwice(nn.Module):
    """Four steps in two calls of two, between which the neurons keep their potentials."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        node = neuron.IFNode(v_threshold=0.7, surrogate_function=surrogate.ATan())
        self.body = nn.Sequential(layer.Linear(12, 20), node, layer.Linear(20, 5))
        functional.set_step_mode(self, "m")

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        return torch.cat([self.body(x.flatten(1).expand(2, -1, -1)) for _ in range(2)]).mean(0)


def test_neurons_that_are_called_several_times_in_a_forward_do_not_become_other_neurons() -> None:
    adopted, x = adopt(CalledTwice().eval()), torch.rand(6, 3, 2, 2)
    for _ in range(2):  # a failure leaves nothing behind
        with pytest.raises(ValueError, match=r"called 2 times in one forward.* hand the network over as it is"):
            adopted(x)
    looped = StepByStep().eval()
    functional.set_step_mode(looped, "m")  # the batch is now taken for time
    with pytest.raises(ValueError, match=r"called 4 times in one forward"):
        adopt(looped)(x)


def test_a_network_may_be_asked_again_and_again_and_copied() -> None:
    theirs = Net(neuron.LIFNode(surrogate_function=surrogate.ATan())).eval()
    ours, x = adopt(theirs), torch.rand(6, 3, 2, 2)
    twin = copy.deepcopy(ours)
    for model in (ours, twin, ours):
        torch.testing.assert_close(model(x), theirs(x))


class LIFNode(neuron.LIFNode):
    """A neuron with a name of SpikingJelly's, and with twice the charge."""

    def neuronal_charge(self, x: Tensor) -> None:
        super().neuronal_charge(2 * x)


class ATan(surrogate.ATan):
    """A surrogate with a name of SpikingJelly's."""

    @staticmethod
    def spiking_function(x: Tensor, alpha: float) -> Tensor:
        return surrogate.sigmoid.apply(x, alpha)  # type: ignore[attr-defined, no-any-return]


def hooked() -> nn.Module:
    node = neuron.LIFNode(surrogate_function=surrogate.ATan())
    node.register_forward_hook(lambda module, inputs, output: 2 * output)
    return node


def shared() -> nn.Module:
    node = neuron.LIFNode(surrogate_function=surrogate.ATan(), v_threshold=0.5)
    return nn.Sequential(nn.Sequential(node), layer.Linear(20, 20), node)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LIFNode(surrogate_function=surrogate.ATan()), "LIFNode of .*test_spikingjelly"),
        (lambda: neuron.LIFNode(surrogate_function=ATan()), "LIFNode with ATan"),
        (lambda: neuron.LIFNode(surrogate_function=surrogate.ATan(spiking=False)), "LIFNode with ATan"),
        (hooked, "LIFNode with hooks"),
        (shared, "LIFNode in 2 places"),
    ],
)
def test_neurons_that_do_something_of_their_own_are_not_adopted(make: Callable[[], nn.Module], reason: str) -> None:
    with pytest.raises(ValueError, match=rf"none of its neurons has a counterpart here \({reason}"):
        adopt(Net(make()))


@pytest.mark.parametrize("make", NODES.values(), ids=NODES.keys())
def test_on_real_images_logits_and_decisions_are_the_same(make: Callable[[], nn.Module]) -> None:
    """Sums of a few pixels in float64, so that no rounding flips a spike."""
    images, _ = bench_images()
    theirs = Net(make()).double().eval()
    ours = adopt(theirs)
    with torch.no_grad():
        expected, logits = theirs(images), ours(images)
    torch.testing.assert_close(logits, expected)
    assert torch.equal(logits.argmax(1), expected.argmax(1))
    assert float(expected.std(0).min()) > 0


def bench_images() -> tuple[Tensor, Tensor]:
    """Real images, pooled to 2 x 2 pixels: ``(50, 3, 2, 2)`` in float64, and their labels."""
    from bench.data import load_data

    images, labels = load_data("cifar10", n=50)
    return nn.functional.adaptive_avg_pool2d(images.double(), 2), labels

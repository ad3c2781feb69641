"""Folding thresholds into weights, and what every converted network promises."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from attacks.gradients.bptt import BPTT
from zoo.architectures.compact import compact
from zoo.conversion.convert import NEURON, folded_weights, snn_qcfs
from zoo.conversion.cos import OffsetSpikes, snn_cos
from zoo.conversion.nq import outputs_of, residual_errors
from zoo.conversion.proxy import proxy
from zoo.conversion.qcfs import QCFS
from zoo.conversion.srp import snn_srp
from zoo.spiking.neurons import LIF

SHAPE: dict[str, Any] = {"widths": (4, 6, 6, 8)}
BUILDERS = {"qcfs": snn_qcfs, "srp": snn_srp, "cos": snn_cos}


def converted(source: nn.Module, method: str = "qcfs", *, steps: int = 4) -> nn.Module:
    model = BUILDERS[method](steps=steps, **SHAPE).double()
    model.load_state_dict(folded_weights(source))
    return model.eval().requires_grad_(False)


def test_folding_changes_nothing(source: nn.Module, images: Tensor) -> None:
    """The staircase in place of spikes on the folded weights is the source; and the source is as before."""
    logits, before = source(images), {name: value.clone() for name, value in source.state_dict().items()}
    clip = proxy(converted(source), "clip", levels=4).double()
    torch.testing.assert_close(clip(images), logits, rtol=1e-9, atol=1e-9)
    assert all(torch.equal(value, before[name]) for name, value in source.state_dict().items())
    assert not torch.allclose(proxy(converted(source), "relu")(images), logits)


def test_more_steps_come_closer_to_the_source(source: nn.Module, images: Tensor) -> None:
    """With constant input the first layer is exact at T = L; deeper ones see uneven spikes."""
    first = [layer for layer in source.modules() if isinstance(layer, QCFS)][:1]
    spikes = [layer for layer in converted(source).modules() if isinstance(layer, LIF)]
    wanted, sent = outputs_of(source, first, images)[0][0], []
    model = converted(source)
    spikes = [layer for layer in model.modules() if isinstance(layer, LIF)]
    sent = outputs_of(model, spikes, images)
    torch.testing.assert_close(1.3 * sent[0].mean(0), wanted, rtol=1e-9, atol=1e-9)
    clip = proxy(model, "clip", levels=64).double()(images)
    errors = [float((converted(source, steps=steps)(images) - clip).square().mean()) for steps in (1, 4, 64)]
    assert errors[0] > errors[1] > errors[2]


def test_residual_errors(source: nn.Module, images: Tensor) -> None:
    """Zero in the first layer at T = L; batches weigh the same whatever their size; noise only in train mode."""
    one, other = (residual_errors(source, part, steps=4) for part in (images[:4], images[4:]))
    both = residual_errors(source, images, steps=4, batch=4)
    assert one[0] == pytest.approx(0, abs=1e-9) and min(one[1:]) > 0.01
    assert both == pytest.approx([((a**2 + b**2) / 2) ** 0.5 for a, b in zip(one, other, strict=True)])
    logits = source(images)
    source.body[4].noise.fill_(both[1])
    assert torch.equal(source(images), logits)
    noisy = source.body[4].train()
    a, z = noisy.eval()(torch.zeros(20_000)), torch.zeros(20_000)
    assert float((noisy.train()(z) - a).std()) == pytest.approx(both[1], rel=0.05)


@pytest.mark.parametrize("method", BUILDERS)
def test_gradient_paths_reach_each_layer_and_leave_the_forward(method: str, source: nn.Module, images: Tensor) -> None:
    model = converted(source, method)
    logits = model(images)
    assert torch.equal(model(images), logits)
    layers = [layer for layer in model.modules() if isinstance(layer, LIF)]
    currents: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, inputs: currents.append(inputs[0])) for layer in layers]
    leaf = images.clone().requires_grad_()
    with BPTT(surrogate="atan").applied(model) as bound:
        outputs = model(leaf)
    assert bound.layers == 4 and torch.equal(outputs, logits)
    gradients = torch.autograd.grad(outputs[:, 0].sum(), [leaf, *currents])
    assert all(gradient.isfinite().all() and gradient.abs().sum() > 0 for gradient in gradients)
    for hook in hooks:
        hook.remove()
    (own,) = torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)
    assert not torch.allclose(own, gradients[0])


@pytest.mark.parametrize(("method", "calibration"), [("qcfs", 0), ("srp", 4), ("cos", 4)])
@pytest.mark.parametrize("steps", [1, 2, 8])
def test_latency_and_statelessness(method: str, calibration: int, steps: int, source: nn.Module, images: Tensor) -> None:
    model = converted(source, method, steps=steps)
    assert model.latency == steps + calibration
    together = model(images)
    assert together.shape == (5, 10) and together.isfinite().all()
    torch.testing.assert_close(model(images[3:4]), together[3:4], rtol=1e-9, atol=1e-9)


def test_longer_runs_do_not_change_earlier_steps(source: nn.Module, images: Tensor) -> None:
    """The logits at T steps are those of any longer run read out after T steps."""
    for method in BUILDERS:
        short, long = converted(source, method, steps=3), converted(source, method, steps=6)
        long.window = slice(long.window.start, long.window.start + 3)
        torch.testing.assert_close(short(images), long(images), rtol=1e-9, atol=1e-9)


def test_calibration_comes_closer_than_plain_neurons(source: nn.Module, images: Tensor) -> None:
    """Offset spikes at T = L: the error that uneven spikes leave shrinks."""
    wanted = source(images)
    plain, calibrated = (float((converted(source, m)(images) - wanted).square().mean()) for m in ("qcfs", "cos"))
    assert calibrated < plain


def test_neurons_against_spikingjelly() -> None:
    current = torch.randn(6, 3, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.3
    theirs = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m")
    theirs.v = torch.full((3, 50), 0.5, dtype=torch.float64)
    assert torch.equal(LIF(**NEURON)(current), theirs(current))


def test_what_cannot_be_converted(source: nn.Module) -> None:
    nn.init.constant_(source.body[4].threshold, -0.1)
    with pytest.raises(ValueError, match="thresholds of the source must be positive"):
        folded_weights(source)
    with pytest.raises(TypeError, match="Compact has no activations"):
        folded_weights(compact(steps=1, neuron=None))


def test_wrong_arguments() -> None:
    for make in (lambda: snn_qcfs(steps=0), lambda: snn_srp(steps=1, tau=0), lambda: snn_cos(steps=1, rho=0)):
        with pytest.raises(ValueError, match="at least one step"):
            make()
    with pytest.raises(ValueError, match="without leak"):
        OffsetSpikes(rho=4, decay=0.9, reset="soft")


def test_proxies_of_trained_networks() -> None:
    """Any code, read-out and scale: one pass without spikes, whose gradient reaches the image."""
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    arguments: tuple[dict[str, Any], ...] = (
        {"neuron": {"threshold": 0.5, "input_scale": 3}},
        {"neuron": {}, "encoder": "poisson"},
        {"neuron": {}, "encoder": "latency", "output": {"threshold": 3.0}},
    )
    for chosen in arguments:
        torch.manual_seed(0)
        model = compact(steps=3, **SHAPE, **chosen)
        for kind in ("relu", "clip"):
            twin = proxy(model, kind)
            assert not any(isinstance(module, LIF) for module in twin.modules())
            (gradient,) = torch.autograd.grad(twin(x)[:, 0].sum(), x)
            assert gradient.abs().sum() > 0
    ann = compact(steps=1, neuron=None, **SHAPE).eval()
    snn = compact(steps=3, neuron={}, **SHAPE)
    snn.load_state_dict(ann.state_dict())
    assert torch.equal(proxy(snn, "relu")(x), ann(x))
    with pytest.raises(ValueError, match="no spiking layers"):
        proxy(ann, "relu")

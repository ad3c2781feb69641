"""A gradient path is put on a model for a while, and taken off again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks import PATHS
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, LayerGradient, Trace, Training
from attacks.gradients.bpda import BPDA
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.last_step import LastStep
from attacks.gradients.mix import HARTMix
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from zoo.spiking.neurons import LIF

Build = Callable[..., Any]
EVERY: list[GradientPath] = [
    Training(),
    BPTT(),
    BPTT(surrogate="atan", alpha=2.0, reset="detached"),
    BPTT(surrogate="straight_through"),
    BPTR(),
    RGA(),
    RGA(gamma=0.5),
    HART(),
    HART(width=0.3),
    PDSG(),
    HARTMix(),
    HARTMix(width=0.4),
    ASSG(),
    ASSG(half=0.35),
    LastStep(),
]
every_path = pytest.mark.parametrize("path", EVERY, ids=repr)


def gradient(model: nn.Module, x: Tensor, path: GradientPath | None = None) -> Tensor:
    """The input gradient; the backward runs after the path has been taken off."""
    leaf = x.clone().requires_grad_()
    if path is None:
        outputs = model(leaf)
    else:
        with path.applied(model):
            outputs = model(leaf)
    return torch.autograd.grad(outputs[:, 0].sum(), leaf)[0]


def test_every_path_of_the_catalogue_is_tested_here() -> None:
    catalogue = {getattr(import_module(module), name) for module, name in (p.split(":") for p in PATHS.values())}
    # BPDA differs from the own gradient on networks that round their input alone: test_bpda.py.
    assert catalogue - {BPDA} == {type(path) for path in EVERY}


@every_path
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_forward_is_bit_identical_under_every_path(
    path: GradientPath, dtype: torch.dtype, spiking: Build, images: Build
) -> None:
    model, x = spiking().to(dtype), images(6).to(dtype)
    plain = model(x)
    with path.applied(model):
        assert torch.equal(model(x), plain)
        assert torch.equal(model(x.clone().requires_grad_()), plain)
    assert torch.equal(model(x), plain)


def test_the_path_is_read_in_the_forward_and_kept_for_the_backward(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(3)
    leaf = x.clone().requires_grad_()
    with BPTR().applied(model):
        inside = torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)[0]
    assert torch.equal(gradient(model, x, BPTR()), inside)
    outputs = model(leaf)
    with BPTR().applied(model):
        before = torch.autograd.grad(outputs[:, 0].sum(), leaf)[0]
    assert torch.equal(before, gradient(model, x))
    assert not torch.equal(before, inside)


def test_different_paths_give_different_gradients(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(3)
    # A mix differs in a run, where two input gradients are averaged; put on layers it is one of its halves.
    seen = [gradient(model, x, path) for path in EVERY[1:] if not isinstance(path, HARTMix)]
    assert all(not torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])


def test_training_is_what_the_layers_do_by_themselves(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(3)
    assert torch.equal(gradient(model, x, Training()), gradient(model, x))
    with BPTR().applied(model):
        assert torch.equal(gradient(model, x, Training()), gradient(spiking(), x))


def test_blocks_nest(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(3)
    outer, inner = BPTT(surrogate="atan"), BPTR()
    expected = [gradient(model, x, path) for path in (outer, inner, outer)]
    with outer.applied(model):
        seen = [gradient(model, x)]
        with inner.applied(model):
            seen.append(gradient(model, x))
        seen.append(gradient(model, x))
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))
    assert torch.equal(gradient(model, x), gradient(spiking(), x))


def test_an_exception_leaves_the_model_as_it_was(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(3)
    own = gradient(model, x)
    with pytest.raises(KeyError), BPTR().applied(model):
        raise KeyError
    assert torch.equal(gradient(model, x), own)


class Stubborn(nn.Module):
    """A foreign layer that takes no path."""

    def take_gradient(self, gradient: LayerGradient | None) -> LayerGradient | None:
        raise RuntimeError("no")


def test_a_layer_that_refuses_the_path_does_not_leave_the_others_with_it() -> None:
    layer = LIF()
    with pytest.raises(RuntimeError, match="no"), BPTR().applied(nn.Sequential(layer, Stubborn())):
        pass
    assert layer.take_gradient(None) is None


def test_the_layers_that_took_the_path_are_counted_once_each() -> None:
    layer = LIF()
    for model, layers in [
        (nn.Sequential(layer, nn.ReLU(), LIF()), 2),
        (nn.Sequential(layer, layer), 1),
        (layer, 1),
        (nn.Sequential(nn.Linear(2, 2), nn.ReLU()), 0),
    ]:
        with BPTR().applied(model) as bound:
            assert bound.layers == layers


@dataclass(frozen=True)
class Peek:
    """A layer gradient that shows what it was given."""

    seen: list[Trace]
    needs_current: bool

    def backward(self, grad: Tensor, trace: Trace) -> Tensor:
        self.seen.append(trace)
        return grad


@pytest.mark.parametrize("needs_current", [True, False])
def test_a_layer_gradient_is_shown_the_trace_of_the_forward(needs_current: bool) -> None:
    layer, peek = LIF(decay=0.5), Peek([], needs_current)
    current = torch.tensor([[0.8], [1.0], [0.3]], dtype=torch.float64, requires_grad=True)
    layer.take_gradient(peek)
    layer(current).sum().backward()
    (trace,) = peek.seen
    torch.testing.assert_close(trace.potential[:, 0], torch.tensor([0.8, 1.4, 0.3], dtype=torch.float64))
    assert trace.spikes[:, 0].tolist() == [0, 1, 0]
    assert trace.dynamics == layer.dynamics
    if needs_current:
        assert trace.current is not None and torch.equal(trace.current, current)
    else:
        assert trace.current is None


def test_an_encoder_is_lent_a_coding_and_gets_its_own_back() -> None:
    from zoo.spiking.encoders import Poisson
    from zoo.spiking.timing import Latency

    model = nn.Sequential(Latency(steps=4), LIF())
    x = torch.rand(3, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    plain = model(x)

    def ask(path: GradientPath) -> Tensor:
        leaf = x.clone().requires_grad_()
        with path.applied(model) as bound:
            outputs = model(leaf)
        assert bound.encoders == 1 and bound.layers == 1
        assert torch.equal(outputs, plain)
        weights = torch.arange(1.0, 5, dtype=torch.float64).view(4, 1, 1, 1, 1)
        return torch.autograd.grad((weights * outputs).sum(), leaf)[0]

    smooth, direct, masked = (ask(BPTT(coding=coding)) for coding in ("smooth", "straight_through", "masked"))
    assert torch.equal(ask(BPTT()), smooth)
    assert not torch.equal(smooth, direct) and not torch.equal(direct, masked)
    assert torch.equal(ask(ASSG(coding="masked")), ask(ASSG(coding="masked")))
    assert Poisson(steps=2).take_coding("masked") is None

"""Pooling that is part of the neurons' kernel, and signals that repeat, against the plain layers they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attacks.gradients import compiled
from attacks.gradients.base import GradientPath, Reset
from attacks.gradients.windows import Windows
from bench.evaluation.request.attack_specs import resolve_path
from zoo.spiking.network import TimeSequential
from zoo.spiking.neurons import LIF
from zoo.spiking.pooling import MeanPool, spread
from zoo.spiking.signals import constant_in_time, repeated, the_step

PATHS = (
    "training",
    "bptt:surrogate=atan",
    "bptt:surrogate=gaussian",
    "bptt:surrogate=triangle,reset=detached",
    "bptr",
    "rga",
    "hart",
    "pdsg",
    "assg",
)
LAST = torch.channels_last


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def network(reset: Reset) -> TimeSequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 5, 3, padding=1), LIF(threshold=0.4, reset=reset), MeanPool(2), nn.Conv2d(5, 7, 3, padding=1))
    net = TimeSequential(*layers, LIF(threshold=0.2, decay=0.8, reset=reset), MeanPool(2)).double()
    return net.to(memory_format=LAST)  # type: ignore[call-overload, no-any-return]


def apart(net: TimeSequential, signal: Tensor) -> Tensor:
    """Each layer on its own, the signal written out, torch's own pooling."""
    signal = signal.contiguous()
    for layer in net:
        if isinstance(layer, LIF):
            signal = layer(signal)
        else:
            one = nn.AvgPool2d(layer.size) if isinstance(layer, MeanPool) else layer
            signal = torch.stack([one(step) for step in signal])
    return signal


def answers(net: TimeSequential, path: GradientPath, make: object, x: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    with path.session(len(x)).applied(net, torch.arange(len(x)), learn=True):
        out = make(leaf)  # type: ignore[operator]
    return out.detach(), torch.autograd.grad(out, leaf, head)[0]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("count", [1, 2])
def test_neurons_that_pool_give_the_spikes_and_gradients_of_separate_layers(path: str, reset: Reset, count: int) -> None:
    net, x, head = network(reset), draw(3, 3, 8, 12).contiguous(memory_format=LAST), draw(4, 3, 7, 2, 3, seed=1)
    chosen = resolve_path(path)[1]
    with threads(count):
        fused, slope = answers(net, chosen, lambda leaf: net(repeated(leaf, 4)), x, head)
    plain, expected = answers(net, chosen, lambda leaf: apart(net, leaf.expand(4, *leaf.shape)), x, head)
    assert 0.05 < float(plain.mean()) < 0.95
    assert torch.equal(fused, plain)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(slope, expected, atol=1e-12, rtol=1e-9)


def test_whoever_watches_neurons_sees_their_spikes() -> None:
    net, x = network("hard"), draw(3, 3, 8, 12)
    alone, seen = net(repeated(x, 4)), []
    net[1].register_forward_hook(lambda layer, inputs, spikes: seen.append(spikes))
    assert torch.equal(net(repeated(x, 4)), alone)
    assert seen[0].shape == (4, 3, 5, 8, 12)


def test_the_kernel_is_used_where_it_can_be_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = draw(2, 3, 5, 8, 12).permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    found = Windows.over(signal, 2)
    assert found is not None
    assert found.pooled(signal).shape == (2, 3, 5, 4, 6)
    assert Windows.over(signal.contiguous(), 2) is None  # channels first
    assert Windows.over(signal, 3) is None  # windows that do not cover
    assert Windows.over(signal[:, 0], 2) is None
    net, x, head = network("hard"), draw(3, 3, 8, 12), draw(4, 3, 7, 2, 3, seed=1)
    path = resolve_path("bptt:surrogate=atan")[1]
    mine = answers(net, path, lambda leaf: net(repeated(leaf, 4)), x, head)
    monkeypatch.setattr(compiled, "usable", lambda x: False)
    theirs = answers(net, path, lambda leaf: net(repeated(leaf, 4)), x, head)
    assert torch.equal(mine[0], theirs[0])
    torch.testing.assert_close(mine[1], theirs[1], atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 1, 2, 2), (0, 3, 4, 4)])
def test_mean_pool_is_average_pooling(shape: tuple[int, ...]) -> None:
    x, head = draw(*shape).requires_grad_(), draw(shape[0], shape[1], shape[2] // 2, shape[3] // 2, seed=1)
    mine, theirs = MeanPool(2)(x), F.avg_pool2d(x, 2)
    assert torch.equal(mine, theirs)
    assert torch.equal(torch.autograd.grad(mine, x, head)[0], torch.autograd.grad(theirs, x, head)[0])
    assert torch.equal(spread(head, 2), torch.autograd.grad(F.avg_pool2d(x, 2), x, head)[0])


def test_mean_pool_says_when_windows_do_not_cover() -> None:
    with pytest.raises(ValueError, match="do not cover 5 x 4"):
        MeanPool(2)(torch.zeros(1, 1, 5, 4))


def test_a_repeated_signal_knows_its_step_and_one_that_lost_it_is_answered_too() -> None:
    step = draw(2, 3).requires_grad_()
    signal = repeated(step, 3)
    assert constant_in_time(signal) and the_step(signal) is step
    forgetful = signal.view_as(signal)
    assert constant_in_time(forgetful)
    assert torch.equal(the_step(forgetful), step)
    (slope,) = torch.autograd.grad(the_step(forgetful).sum(), step)
    assert torch.equal(slope, torch.ones_like(step))

"""Filters remove what they say and nothing else, gradients pass them, and a network that hides behind one is caught."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from zoo.architectures.event_network import EventNetwork
from zoo.spiking.event_filters import BackgroundActivityFilter, QuantisedFilter


def test_lonely_events_are_removed() -> None:
    x = torch.zeros(1, 4, 2, 6, 6)
    x[0, 0, 0, 1, 1] = 1  # alone
    x[0, 1, 0, 4, 4] = x[0, 1, 1, 4, 5] = 1  # neighbours of two polarities
    x[0, 2, 1, 3, 3] = 1  # beside events of the frame before
    x[0, 3, 0, 0, 0] = x[0, 3, 1, 0, 0] = 1  # the same pixel is no neighbour
    kept = BackgroundActivityFilter()(x)
    expected = x.clone()
    expected[0, 0, 0, 1, 1] = expected[0, 3, :, 0, 0] = 0
    assert torch.equal(kept, expected)
    assert float(BackgroundActivityFilter(support=2)(x).sum()) == 0


def by_hand(x: Tensor, support: int) -> Tensor:
    kept = x.clone()
    frames, _, height, width = x.shape[1:]
    for n, t, c, i, j in x.nonzero().tolist():
        near = [
            (s, y, z)
            for s in (t - 1, t)
            for y in range(max(0, i - 1), min(height, i + 2))
            for z in range(max(0, j - 1), min(width, j + 2))
            if s >= 0 and (y, z) != (i, j)
        ]
        if sum(bool(x[n, s, :, y, z].any()) for s, y, z in near) < support:
            kept[n, t, c, i, j] = 0
    assert frames
    return kept


@pytest.mark.parametrize("support", [1, 2, 4])
def test_it_counts_as_one_counts_by_hand(support: int) -> None:
    x = (torch.rand(3, 4, 2, 5, 7, generator=torch.Generator().manual_seed(support)) < 0.12).float()
    assert torch.equal(BackgroundActivityFilter(support=support)(x), by_hand(x, support))


def quantised_by_hand(x: Tensor, *, quantum: int, reach: int, memory: int, most: int) -> Tensor:
    kept = x.clone()
    frames, _, height, width = x.shape[1:]
    for n, t, c, i, j in x.nonzero().tolist():
        tick = t // quantum
        near = [
            (s, y, z)
            for s in range(frames)
            for y in range(max(0, i - reach), min(height, i + reach + 1))
            for z in range(max(0, j - reach), min(width, j + reach + 1))
            if tick - memory <= s // quantum <= tick and (y, z) != (i, j)
        ]
        if not any(bool(x[n, s, :, y, z].any()) for s, y, z in near) or int((x[n, :, :, i, j] > 0).sum()) > most:
            kept[n, t, c, i, j] = 0
    return kept


@pytest.mark.parametrize(
    "arguments",
    [
        {"quantum": 1, "reach": 1, "memory": 0, "most": 3},
        {"quantum": 2, "reach": 1, "memory": 1, "most": 20},
        {"quantum": 3, "reach": 2, "memory": 0, "most": 2},
        {"quantum": 9, "reach": 1, "memory": 2, "most": 1},
    ],
    ids=str,
)
def test_the_quantised_filter_counts_as_one_counts_by_hand(arguments: dict[str, int]) -> None:
    # 7 frames: the last tick is not full.
    x = (torch.rand(3, 7, 2, 6, 7, generator=torch.Generator().manual_seed(arguments["reach"])) < 0.05).float()
    x[0, :, 0, 2, 2] = x[0, 1, 0, 2, 3] = 1  # a stuck pixel beside another event
    kept = QuantisedFilter(**arguments)(x)
    assert torch.equal(kept, quantised_by_hand(x, **arguments))
    assert 0 < float(kept.sum()) < float(x.sum())


def test_an_event_is_not_supported_by_later_ones() -> None:
    x = torch.zeros(1, 6, 2, 5, 5)
    x[0, 0, 0, 1, 1] = x[0, 2, 0, 1, 2] = 1
    kept = QuantisedFilter(quantum=2, reach=1, memory=1)(x)
    assert kept.nonzero().tolist() == [[0, 2, 0, 1, 2]]


@pytest.mark.parametrize("module", [BackgroundActivityFilter(support=3), QuantisedFilter(reach=1, most=1)], ids=repr)
def test_every_gradient_passes(module: nn.Module) -> None:
    x = (torch.rand(2, 3, 2, 5, 5, generator=torch.Generator().manual_seed(0)) < 0.1).float().requires_grad_()
    slope = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    filtered = module(x)
    assert int(filtered.detach().sum()) < int(x.detach().sum())
    (filtered * slope).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, slope)


class Detached(EventNetwork):
    """The trap: the filter works on a copy without a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x.detach())
        return logits + 0 * x.flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("arguments", [{"support": 1}, {"quantised": {"quantum": 1, "reach": 1, "memory": 0}}], ids=str)
def test_a_network_that_hides_behind_its_filter_is_not_called_reliable(arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    options = {"neuron": {"threshold": 0.2}, "side": 9, "widths": (4, 6, 8), **arguments}
    x = (torch.rand(24, 5, 2, 9, 9) < 0.3).float()
    statuses = {}
    for kind in (EventNetwork, Detached):
        torch.manual_seed(1)
        model = kind(**options)
        for _ in range(5):
            model(x)
        model.eval().requires_grad_(False)
        record = bench.evaluate(model, data=(x, model(x).argmax(1)), attack="quick", norm="events_l0", eps=6)
        statuses[kind] = record.results[0].robust.value, record.reliability.status
    assert statuses[EventNetwork][0] < statuses[Detached][0]
    assert statuses[Detached][1] == "unreliable"


def test_a_support_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 16"):
        BackgroundActivityFilter(support=0)
    for arguments in ({"quantum": 0}, {"reach": 0}, {"memory": -1}, {"most": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            QuantisedFilter(**arguments)
    with pytest.raises(ValueError, match="one filter"):
        EventNetwork(neuron=None, support=1, quantised={})

"""Filters remove what they say and nothing else, gradients pass them, and a network that hides behind one is caught."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from attacks.gradients.base import Training
from attacks.model_oracle import ModelOracle
from zoo.architectures.event_network import EventNetwork
from zoo.spiking.event_filters import BackgroundActivityFilter, EventFilter, QuantisedFilter


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


EVERY = [
    BackgroundActivityFilter(support=1),
    BackgroundActivityFilter(support=3),
    QuantisedFilter(quantum=1, reach=1, memory=0, most=2),
    QuantisedFilter(quantum=2, reach=1, memory=1, most=3),
    QuantisedFilter(quantum=3, reach=2, memory=4, most=2),
]
every_filter = pytest.mark.parametrize("module", EVERY, ids=repr)


def whole_weights(x: Tensor) -> Tensor:
    return torch.randint(-9, 10, x.shape, generator=torch.Generator().manual_seed(1)).to(x)


def gradient(module: nn.Module, x: Tensor, weights: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    slope: Tensor = torch.autograd.grad((module(leaf) * weights).sum(), leaf)[0]
    return slope


@every_filter
@pytest.mark.parametrize("density", [0.05, 0.15, 0.4])
def test_the_smooth_backward_is_what_each_single_event_changes(module: EventFilter, density: float) -> None:
    """Every cell of a small recording is flipped; sums of whole numbers are exact."""
    x = (torch.rand(1, 5, 2, 4, 5, generator=torch.Generator().manual_seed(3)) < density).double()
    weights = whole_weights(x)
    flips = torch.eye(x.numel(), dtype=torch.double).view(-1, *x.shape[1:])
    flipped = (x - flips).abs()
    changes = ((module(flipped) - module(x)) * weights).flatten(1).sum(1) / (flipped - x).flatten(1).sum(1)
    assert torch.equal(gradient(module, x, weights).flatten(), changes)


@every_filter
def test_on_a_grid_of_counts_it_is_what_one_event_changes(module: EventFilter) -> None:
    peak = 4
    generator = torch.Generator().manual_seed(3)
    there = torch.rand(1, 5, 2, 4, 5, generator=generator) < 0.2
    x = (there * torch.randint(1, 4, there.shape, generator=generator)).double() / peak
    weights = whole_weights(x)
    # An event more in an empty cell, an event less in others.
    events = torch.where(x > 0, -1.0, 1.0).double() / peak
    flips = torch.eye(x.numel(), dtype=torch.double).view(-1, *x.shape[1:]) * events
    changes = ((module(x + flips) - module(x)) * weights).flatten(1).sum(1) / events.flatten()
    assert torch.equal(gradient(module, x, weights).flatten(), changes)


@every_filter
def test_recordings_of_a_batch_do_not_mix(module: EventFilter) -> None:
    x = (torch.rand(3, 5, 2, 4, 5, generator=torch.Generator().manual_seed(4)) < 0.2).double()
    x[1] = 0
    weights = whole_weights(x)
    alone = [gradient(module, row, weight) for row, weight in zip(x.split(1), weights.split(1), strict=True)]
    assert torch.equal(gradient(module, x, weights), torch.cat(alone))


@every_filter
def test_other_backwards_by_hand(module: EventFilter) -> None:
    x = (torch.rand(2, 5, 2, 4, 5, generator=torch.Generator().manual_seed(0)) < 0.2).double()
    weights, filtered = whole_weights(x), module(x)
    assert int(filtered.sum()) < int(x.sum())
    for coding, expected in (("straight_through", weights), ("masked", weights * module.rule.kept(x)[:, :, None])):
        assert module.take_coding(coding) is None
        assert torch.equal(module(x), filtered)
        assert torch.equal(gradient(module, x, weights), expected)
        assert module.take_coding(None) == coding


def test_paths_choose_the_backward_of_a_filter() -> None:
    torch.manual_seed(0)
    model = EventNetwork(neuron={"threshold": 0.2}, side=9, widths=(4, 6, 8), support=3).eval()
    x = (torch.rand(2, 5, 2, 9, 9) < 0.3).float()
    slopes = []
    for coding in (None, "smooth", "straight_through", "masked"):
        oracle = ModelOracle.of(model, torch.zeros(2).long(), path=Training(coding=coding))
        assert oracle.traits.coded
        slopes.append(oracle.query(x, torch.arange(2), grad=True).slope)
    assert torch.equal(slopes[0], slopes[1])
    assert not torch.equal(slopes[1], slopes[2]) and not torch.equal(slopes[2], slopes[3])


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

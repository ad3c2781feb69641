"""The filter removes lonely events and nothing else, and gradients pass it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import bench
from zoo.architectures.event_network import EventNetwork
from zoo.spiking.event_filters import BackgroundActivityFilter


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


def test_every_gradient_passes() -> None:
    x = (torch.rand(2, 3, 2, 5, 5, generator=torch.Generator().manual_seed(0)) < 0.1).float().requires_grad_()
    slope = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (BackgroundActivityFilter(support=3)(x) * slope).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, slope)


class Detached(EventNetwork):
    """The trap: the filter works on a copy without a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x.detach())
        return logits + 0 * x.flatten(1).sum(1, keepdim=True)


def test_a_network_that_hides_behind_its_filter_is_not_called_reliable() -> None:
    torch.manual_seed(0)
    options = {"neuron": {"threshold": 0.2}, "side": 9, "widths": (4, 6, 8), "support": 1}
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

"""Timing codes against their formulas, and what their backward stands for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from zoo.spiking.timing import FrontLoaded, Latency, TimeCode

CODES = {"latency": Latency, "front": FrontLoaded}
each_code = pytest.mark.parametrize("code", CODES.values(), ids=CODES)
GREYS = torch.arange(256, dtype=torch.float64).div(255).view(1, 1, 16, 16)


def gradient(encoder: TimeCode, x: Tensor, head: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(encoder.to(x.dtype)(leaf), leaf, head)[0]


@pytest.mark.parametrize("steps", [1, 4, 8, 16])
def test_latency_is_one_spike_at_the_papers_step(steps: int) -> None:
    spikes = Latency(steps=steps).double()(GREYS)
    for t in range(steps):
        # t = floor((1 - x) T) for x = k / 255, in whole numbers
        expected = torch.tensor([float((255 - k) * steps // 255 == t) for k in range(256)], dtype=torch.float64)
        assert torch.equal(spikes[t].flatten(), expected)
    assert spikes.sum(0).flatten().tolist() == [0.0] + [1.0] * 255


@pytest.mark.parametrize("steps", [1, 4, 8, 16])
def test_front_loaded_spikes_come_first_and_number_the_level(steps: int) -> None:
    spikes = FrontLoaded(steps=steps).double()(GREYS)
    for t in range(steps):
        expected = torch.tensor([float(t * 255 < k * steps) for k in range(256)], dtype=torch.float64)
        assert torch.equal(spikes[t].flatten(), expected)
    assert bool((spikes.diff(dim=0) <= 0).all())


@each_code
def test_single_precision_gives_the_same_code_on_every_8_bit_grey(code: type[TimeCode]) -> None:
    for steps in (4, 8, 16):
        assert torch.equal(code(steps=steps)(GREYS.float()).double(), code(steps=steps).double()(GREYS))


@each_code
def test_outside_the_box_the_code_is_that_of_its_edge(code: type[TimeCode]) -> None:
    encode = code(steps=4)
    beyond, edges = torch.tensor([-0.01, 1.01]).view(1, 1, 1, 2), torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    assert torch.equal(encode(beyond), encode(edges))


@each_code
@given(level=st.integers(1, 4), offset=st.floats(0.1, 0.9))
def test_the_expected_slope_is_the_derivative_of_the_blurred_code(code: type[TimeCode], level: int, offset: float) -> None:
    """Blur x by one level to either side, on a fine grid, and differentiate what a linear loss expects.

    Away from black and white, where the blur would leave the box.
    """
    steps = 6
    head = torch.randn(steps, 1, 1, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(level))
    encoder, x = code(steps=steps).double(), (level + offset) / steps
    reach = min(offset, 1 - offset) / steps
    blur = (torch.arange(4000, dtype=torch.float64) + 0.5) / 2000 - 1

    def worth(centre: float) -> float:
        spikes = encoder((centre + blur / steps).view(1, 1, 1, -1))
        return float((spikes * head).sum()) / len(blur)

    found = float(gradient(encoder, torch.full((1, 1, 1, 1), x, dtype=torch.float64), head))
    assert found == pytest.approx((worth(x + reach) - worth(x - reach)) / (2 * reach), rel=0.05, abs=0.2)


@each_code
def test_at_black_and_white_the_slope_looks_inwards(code: type[TimeCode]) -> None:
    encoder, head = code(steps=4).double(), torch.randn(4, 1, 1, 1, 2, dtype=torch.float64)
    x = torch.tensor([0.0, 1.0], dtype=torch.float64).view(1, 1, 1, 2)
    inner = torch.tensor([0.2, 0.7], dtype=torch.float64).view(1, 1, 1, 2)
    change = ((encoder(inner) - encoder(x)) * head).sum(0) * torch.tensor([1.0, -1.0])
    torch.testing.assert_close(gradient(encoder, x, head), 4 * change)


@each_code
def test_other_backwards_by_hand(code: type[TimeCode]) -> None:
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    head = torch.randn(5, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    encoder = code(steps=5, backward="straight_through")
    assert torch.equal(gradient(encoder, x, head), head.sum(0))
    spikes = encoder(x)
    encoder.take_coding("masked")
    torch.testing.assert_close(gradient(encoder, x, head), (head * spikes).sum(0))
    encoder.take_coding("smooth")
    assert torch.equal(encoder(x), spikes)
    assert not torch.equal(gradient(encoder, x, head), head.sum(0))


@each_code
def test_the_backward_is_read_in_the_forward(code: type[TimeCode]) -> None:
    encoder, leaf = code(steps=5), torch.rand(1, 1, 3, 3).requires_grad_()
    encoder.take_coding("straight_through")
    spikes = encoder(leaf)
    encoder.take_coding("smooth")
    assert torch.equal(torch.autograd.grad(spikes.sum(), leaf)[0], torch.full_like(leaf, 5))


@pytest.mark.parametrize("wrong", ["nothing", None, ""])
def test_an_unknown_backward_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="backward must be one of smooth, straight_through, masked"):
        Latency(steps=4, backward=wrong)

"""The forward kernel against an obvious loop, in every memory layout."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attacks.gradients import flat
from attacks.gradients.base import Dynamics, Reset
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.surrogates import Surrogate
from zoo.spiking.kernels import IntegrateAndFire, integrate_and_fire

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x,
    "channels_last": lambda x: x.movedim(2, -1).contiguous().movedim(-1, 2),
    "batch_first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "transposed_units": lambda x: x.permute(0, 4, 1, 3, 2).contiguous().permute(0, 2, 4, 3, 1),
    "reversed_axes": lambda x: x.permute(4, 3, 2, 1, 0).contiguous().permute(4, 3, 2, 1, 0),
    "gaps": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]],
    "every_second_step": lambda x: x.repeat_interleave(2, 0)[::2],
    "offset": lambda x: torch.stack([x, x])[1],
    "expanded_time": lambda x: x[:1].expand_as(x),
    "expanded_channels_last": lambda x: x[:1].movedim(2, -1).contiguous().movedim(-1, 2).expand_as(x),
    "expanded_batch": lambda x: x[:, :1].expand_as(x),
    "expanded_everything": lambda x: x[:1, :1, :1, :1, :1].expand_as(x),
}
SHAPES = st.tuples(*[st.integers(1, top) for top in (5, 3, 4, 3, 5)])
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)


def obvious(current: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor]:
    """The equations of :class:`Dynamics`, one step after the other."""
    v = torch.full_like(current[0], dynamics.start)
    potentials, spikes = [], []
    for now in current:
        u = dynamics.decay * v + now
        s = (u >= dynamics.threshold).to(u.dtype)
        v = u * (1 - s) if dynamics.reset == "hard" else u - dynamics.threshold * s
        potentials.append(u)
        spikes.append(s)
    return torch.stack(potentials), torch.stack(spikes)


@SETTINGS
@given(
    shape=SHAPES,
    layout=st.sampled_from(sorted(LAYOUTS)),
    seed=st.integers(0, 1000),
    decay=st.floats(0, 1),
    threshold=st.floats(0.1, 2),
    reset=st.sampled_from(["hard", "soft"]),
    start=st.floats(-1, 1),
)
def test_equals_the_loop(
    shape: tuple[int, ...], layout: str, seed: int, decay: float, threshold: float, reset: Reset, start: float
) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.5
    dynamics = Dynamics(decay, threshold, reset, start)
    current = LAYOUTS[layout](x)
    potential, spikes = integrate_and_fire(current, dynamics)
    expected_potential, expected_spikes = obvious(current, dynamics)
    assert torch.equal(spikes, expected_spikes)
    torch.testing.assert_close(potential, expected_potential, rtol=1e-12, atol=1e-12)


@SETTINGS
@given(
    shape=SHAPES,
    layout=st.sampled_from(sorted(LAYOUTS)),
    seed=st.integers(0, 1000),
    decay=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    threshold=st.sampled_from([0.5, 1.0, 2.0]),
    reset=st.sampled_from(["hard", "soft"]),
    start=st.sampled_from([0.0, 0.5, -1.0]),
)
def test_same_bits_where_the_arithmetic_is_exact(
    shape: tuple[int, ...], layout: str, seed: int, decay: float, threshold: float, reset: Reset, start: float
) -> None:
    """Multiples of 1/4 lose nothing in float32 and often hit the threshold exactly, which fires."""
    x = torch.randint(-4, 9, shape, generator=torch.Generator().manual_seed(seed)).float() / 4
    dynamics = Dynamics(decay, threshold, reset, start)
    current = LAYOUTS[layout](x)
    for found, expected in zip(integrate_and_fire(current, dynamics), obvious(current, dynamics), strict=True):
        assert torch.equal(found, expected)


@SETTINGS
@given(
    shape=SHAPES,
    layout=st.sampled_from(sorted(LAYOUTS)),
    piece=st.integers(1, 40),
    attached=st.booleans(),
    reset=st.sampled_from(["hard", "soft"]),
)
def test_pieces_change_no_bit(shape: tuple[int, ...], layout: str, piece: int, attached: bool, reset: Reset) -> None:
    x = LAYOUTS[layout](torch.randn(shape, generator=torch.Generator().manual_seed(piece)) + 0.5)
    incoming = torch.randn(shape, generator=torch.Generator().manual_seed(piece + 1))

    def run() -> tuple[Tensor, ...]:
        leaf = x.detach().requires_grad_()
        dynamics = Dynamics(0.9, 1.0, reset)
        spikes = IntegrateAndFire.apply(leaf, dynamics, ThroughTime(Surrogate("atan"), attached))
        return *integrate_and_fire(x, dynamics), spikes, *torch.autograd.grad(spikes, leaf, incoming)

    whole = run()
    with mock.patch.object(flat, "PIECE", piece):
        parts = run()
    assert all(map(torch.equal, whole, parts))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_backward_sees_through_the_layout(layout: str) -> None:
    """The input gradient is that of a contiguous copy, also for a gradient that is expanded over time."""
    x = LAYOUTS[layout](torch.randn(4, 2, 3, 3, 5, generator=torch.Generator().manual_seed(0)).double() + 0.5)
    dynamics, gradient = Dynamics(0.9), ThroughTime(Surrogate("atan"))
    incoming = LAYOUTS["channels_last"](torch.randn(1, 2, 3, 3, 5).double()).expand_as(x)
    found, expected = (
        torch.autograd.grad(IntegrateAndFire.apply(leaf, dynamics, gradient), leaf, head)[0]
        for leaf, head in (
            (x.detach().requires_grad_(), incoming),
            (x.detach().contiguous().requires_grad_(), incoming.contiguous()),
        )
    )
    assert found.abs().sum() > 0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "transposed_units", "expanded_channels_last"])
def test_keeps_the_layout_of_a_step(layout: str) -> None:
    """A dense layout goes through uncopied, so the next convolution gets what it is fast on."""
    x = LAYOUTS[layout](torch.randn(2, 2, 3, 4, 5))
    potential, spikes = integrate_and_fire(x, Dynamics())
    assert potential.stride()[1:] == spikes.stride()[1:] == x.stride()[1:]
    assert flat.dense(x) is x


@pytest.mark.parametrize("layout", LAYOUTS)
def test_input_is_left_alone(layout: str) -> None:
    x = LAYOUTS[layout](torch.randn(3, 2, 3, 4, 5))
    before = x.clone()
    integrate_and_fire(x, Dynamics(0.9))
    assert torch.equal(x, before)


def test_empty_batch() -> None:
    potential, spikes = integrate_and_fire(torch.randn(4, 0, 3, 2, 2), Dynamics())
    assert potential.shape == spikes.shape == (4, 0, 3, 2, 2)

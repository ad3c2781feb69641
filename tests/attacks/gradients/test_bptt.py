"""Backpropagation through time against autograd of an obvious loop, and against pencil and paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attacks.gradients.base import Dynamics, Reset
from attacks.gradients.bptt import BPTT, ThroughTime
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.spiking.kernels import IntegrateAndFire

Formula = Callable[[str], Callable[[Tensor, float], Tensor]]
attached_or_not = pytest.mark.parametrize("attached", [True, False], ids=["attached", "detached"])
hard_or_soft = pytest.mark.parametrize("reset", ["hard", "soft"])


class Step(torch.autograd.Function):
    """``1[u >= th]`` with a slope that is not its own."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, threshold: float, slope: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(u)
        ctx.threshold, ctx.slope = threshold, slope
        return (u >= threshold).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return grad * ctx.slope((u - ctx.threshold) / ctx.threshold) / ctx.threshold, None, None


def loop(current: Tensor, dynamics: Dynamics, slope: Callable[[Tensor], Tensor], attached: bool) -> Tensor:
    """The layer, step by step."""
    v, spikes = torch.full_like(current[0], dynamics.start), []
    for now in current:
        u = dynamics.decay * v + now
        s = Step.apply(u, dynamics.threshold, slope)
        spikes.append(s)
        gate = s if attached else s.detach()
        v = u * (1 - gate) if dynamics.reset == "hard" else u - dynamics.threshold * gate
    return torch.stack(spikes)


def weights(like: Tensor) -> Tensor:
    """What the loss multiplies each spike with."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(9), dtype=like.dtype)


def drawn(*shape: int) -> Tensor:
    return 0.3 + torch.randn(*shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def compare(
    make: Callable[[Tensor], Tensor],
    leaf: Tensor,
    dynamics: Dynamics,
    name: str,
    attached: bool,
    formula: Formula,
    loss: Callable[[Tensor], Tensor] = lambda s: (s * weights(s)).sum(),
) -> None:
    """Spikes and gradients of kernel and loop agree when the current is ``make(leaf)``."""
    width = SURROGATES[name][1]
    one, two = (leaf.clone().requires_grad_() for _ in range(2))
    spikes = IntegrateAndFire.apply(make(one), dynamics, ThroughTime(Surrogate(name), attached))
    expected = loop(make(two), dynamics, lambda x: formula(name)(x, width), attached)
    assert torch.equal(spikes, expected)
    assert 0.05 < float(spikes.detach().mean()) < 0.95
    (ours,), (theirs,) = (torch.autograd.grad(loss(s), x) for s, x in ((spikes, one), (expected, two)))
    assert float(theirs.abs().sum()) > 0
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
@hard_or_soft
@attached_or_not
@pytest.mark.parametrize(("decay", "threshold", "start"), [(1.0, 1.0, 0.0), (0.5, 1.0, 0.4), (0.9, 0.7, -0.2)])
def test_the_gradient_is_that_of_the_loop(
    name: str, reset: Reset, attached: bool, decay: float, threshold: float, start: float, formula: Formula
) -> None:
    dynamics = Dynamics(decay=decay, threshold=threshold, reset=reset, start=start)
    compare(lambda x: x * 1.0, drawn(6, 3, 5), dynamics, name, attached, formula)


LAYOUTS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "contiguous": ((5, 2, 3, 4, 4), lambda x: x * 1.0),
    "channels last": ((5, 2, 4, 4, 3), lambda x: (x * 1.0).permute(0, 1, 4, 2, 3)),
    "batch innermost": ((5, 3, 4, 2), lambda x: (x * 1.0).permute(0, 3, 1, 2)),
    "time innermost": ((2, 3, 4, 5), lambda x: (x * 1.0).permute(3, 0, 1, 2)),
    "time expanded": ((2, 3, 4), lambda x: x.expand(5, 2, 3, 4)),
    "time expanded, channels last": ((2, 4, 4, 3), lambda x: x.permute(0, 3, 1, 2).expand(5, 2, 3, 4, 4)),
    "batch expanded": ((5, 1, 7), lambda x: x.expand(5, 3, 7)),
    "with gaps": ((5, 2, 9), lambda x: (x * 1.0)[:, :, ::2]),
    "with an offset": ((6, 2, 9), lambda x: (x * 1.0)[1:, 1:]),
    "one step": ((1, 2, 9), lambda x: x * 1.0),
    "one unit": ((5, 1), lambda x: x * 1.0),
    "one channel": ((5, 3, 1, 4), lambda x: (x * 1.0).transpose(1, 2)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("piece", [1, 7, 1 << 17])
@hard_or_soft
@attached_or_not
def test_the_layout_in_memory_and_the_pieces_do_not_matter(
    layout: str, piece: int, reset: Reset, attached: bool, formula: Formula, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attacks.gradients.flat.PIECE", piece)
    shape, make = LAYOUTS[layout]
    dynamics = Dynamics(decay=0.8, threshold=0.5, reset=reset, start=0.1)
    compare(make, drawn(*shape) + 0.3, dynamics, "atan", attached, formula)


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda s: s.sum(),
    "mean over time": lambda s: (s.mean(0) * weights(s[0])).sum(),
    "last step": lambda s: (s[-1] * weights(s[0])).sum(),
    "batch innermost": lambda s: (s.permute(0, 2, 3, 4, 1).contiguous() * weights(s.permute(0, 2, 3, 4, 1))).sum(),
    "time innermost": lambda s: (s.permute(1, 2, 3, 4, 0).contiguous() * weights(s.permute(1, 2, 3, 4, 0))).sum(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
def test_the_layout_of_the_incoming_gradient_does_not_matter(loss: str, layout: str, formula: Formula) -> None:
    shape, make = LAYOUTS[layout]
    compare(make, drawn(*shape), Dynamics(decay=0.8), "triangle", True, formula, LOSSES[loss])


def test_the_incoming_gradient_is_not_overwritten() -> None:
    current = drawn(4, 3).requires_grad_()
    spikes = IntegrateAndFire.apply(current, Dynamics(), ThroughTime())
    grad = weights(spikes)
    kept = grad.clone()
    first = torch.autograd.grad(spikes, current, grad, retain_graph=True)[0]
    assert torch.equal(grad, kept)
    assert torch.equal(torch.autograd.grad(spikes, current, grad)[0], first)


def one_neuron(reset: Reset, attached: bool) -> list[float]:
    """dL/dI of a neuron with I = (0.8, 1.0, 0.3), decay 1/2, threshold 1 and L = s1 + 10 s2 + 100 s3."""
    current = torch.tensor([[0.8], [1.0], [0.3]], dtype=torch.float64, requires_grad=True)
    gradient = ThroughTime(Surrogate("triangle", 1.0), attached)
    spikes = IntegrateAndFire.apply(current, Dynamics(decay=0.5, reset=reset), gradient)
    assert spikes[:, 0].tolist() == [0, 1, 0]
    loss = (spikes[:, 0] * torch.tensor([1.0, 10.0, 100.0])).sum()
    return torch.autograd.grad(loss, current)[0][:, 0].tolist()


def test_one_neuron_with_a_hard_reset_by_hand() -> None:
    # u = 0.8, 1.4, 0.3 and therefore g = 1 - |u - 1| = 0.8, 0.6, 0.3
    third = 100 * 0.3
    second = 10 * 0.6 + 0.5 * third * (0 - 1.4 * 0.6)
    first = 1 * 0.8 + 0.5 * second * (1 - 0.8 * 0.8)
    assert one_neuron("hard", attached=True) == pytest.approx([first, second, third])
    assert [first, second, third] == pytest.approx([-0.388, -6.6, 30])
    assert one_neuron("hard", attached=False) == pytest.approx([0.8 + 0.5 * 6, 6, 30])


def test_one_neuron_with_a_soft_reset_by_hand() -> None:
    # u = 0.8, 1.4, 0.5 and therefore g = 1 - |u - 1| = 0.8, 0.6, 0.5
    third = 100 * 0.5
    second = 10 * 0.6 + 0.5 * third * (1 - 0.6)
    first = 1 * 0.8 + 0.5 * second * (1 - 0.8)
    assert one_neuron("soft", attached=True) == pytest.approx([first, second, third])
    assert [first, second, third] == pytest.approx([2.4, 16, 50])
    assert one_neuron("soft", attached=False) == pytest.approx([0.8 + 0.5 * 31, 6 + 0.5 * 50, 50])


def test_an_empty_batch_has_an_empty_gradient() -> None:
    current = torch.zeros(4, 0, 3, requires_grad=True)
    spikes = IntegrateAndFire.apply(current, Dynamics(), ThroughTime())
    assert torch.autograd.grad(spikes.sum(), current)[0].shape == (4, 0, 3)


def test_the_path_hands_out_what_it_was_told() -> None:
    assert BPTT(surrogate="atan", width=0.5).layer_gradient() == ThroughTime(Surrogate("atan", 0.5), True)
    assert BPTT(surrogate="atan", alpha=4.0).layer_gradient() == ThroughTime(Surrogate("atan", 0.25), True)
    assert BPTT(reset="detached").layer_gradient() == ThroughTime(Surrogate("triangle"), False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"surrogate": "nonsense"},
        {"width": 1.0, "alpha": 1.0},
        {"alpha": 0.0},
        {"width": -1.0},
        {"reset": "loose"},
    ],
)
def test_a_path_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        BPTT(**wrong)

"""The width of a surrogate is in thresholds, and a threshold is found wherever it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.strangers import at_zero
from torch import Tensor, nn

from attacks.gradients.bptt import BPTT
from attacks.gradients.spikes.recognition import spiking_sites
from zoo.spiking.neurons import LIF

VTH = 0.6
WEIGHT = torch.randn(20, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 3


class Step(torch.autograd.Function):
    """A step at zero; more arguments are ignored."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *more: Any) -> Tensor:
        ctx.more = len(more)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (grad, *[None] * ctx.more)


class NamedArgument(Step):
    @staticmethod
    def forward(ctx: Any, x: Tensor, v_threshold: float, name: str) -> Tensor:
        ctx.more = 2
        return (x >= 0).to(x.dtype)


class Parameters(NamedTuple):
    tau: float
    v_th: Tensor


class Holder(nn.Module):
    """Neurons of one step. fire: potential and this module to spikes."""

    def __init__(self, fire: Callable[[Tensor, Any], Tensor], **attributes: Any) -> None:
        super().__init__()
        self.fire = fire
        for name, value in attributes.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, v: Tensor) -> Tensor:
        return self.fire(v, self)


def by_a_local(v: Tensor, module: Any) -> Tensor:
    thresh = 0.6
    spikes: Tensor = Step.apply(v - thresh)
    return spikes


def by_a_global(v: Tensor, module: Any) -> Tensor:
    spikes: Tensor = Step.apply(v - VTH)
    return spikes


HOLDERS: dict[str, tuple[Callable[[], nn.Module], float, bool]] = {
    "attribute": (lambda: Holder(lambda v, m: Step.apply(v - m.v_threshold), v_threshold=0.6), 0.6, False),
    "attribute, other name": (lambda: Holder(lambda v, m: Step.apply(v - m.thr), thr=0.6), 0.6, False),
    "buffer": (
        lambda: Holder(lambda v, m: Step.apply(v - m.threshold), threshold=torch.tensor(0.6, dtype=torch.float64)),
        0.6,
        False,
    ),
    "record": (
        lambda: Holder(lambda v, m: Step.apply(v - m.p.v_th), p=Parameters(2.0, torch.tensor(0.6).double())),
        0.6,
        False,
    ),
    "local": (lambda: Holder(by_a_local), 0.6, False),
    "global": (lambda: Holder(by_a_global), 0.6, False),
    "argument": (lambda: Holder(lambda v, m: NamedArgument.apply(v - 0.6, 0.6, "atan")), 0.6, False),
    "in units of itself": (lambda: Holder(lambda v, m: Step.apply(v / m.vth - 1), vth=0.6), 1.0, False),
    "nowhere": (
        lambda: Holder(lambda v, m: at_zero(v - m.unit), unit=0.6, temperature=3.0, through=2.0),
        1.0,
        True,
    ),
}


class Net(nn.Module):
    def __init__(self, neurons: nn.Module) -> None:
        super().__init__()
        self.neurons = neurons

    def forward(self, x: Tensor) -> Tensor:
        return self.neurons(F.linear(2 * x.flatten(1) - 0.5, WEIGHT))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(("make", "size", "guessed"), HOLDERS.values(), ids=HOLDERS.keys())
def test_the_size_of_the_threshold(make: Callable[[], nn.Module], size: float, guessed: bool, images: Tensor) -> None:
    sites = spiking_sites(Net(make()), images)
    (function,) = sites.functions
    assert function.thresholds == pytest.approx((size,)) and function.guessed is guessed
    assert any("counts as 1" in remark for remark in sites.remarks) is guessed


@pytest.mark.parametrize("holder", ["attribute", "buffer", "global", "in units of itself"])
def test_so_the_width_is_that_of_our_neurons(holder: str, images: Tensor) -> None:
    class OneStep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neurons = LIF(threshold=0.6)

        def forward(self, v: Tensor) -> Tensor:
            return self.neurons(v[None])[0]

    slopes = []
    for model in (Net(OneStep()), Net(HOLDERS[holder][0]())):
        leaf = images.clone().requires_grad_()
        with BPTT(width=0.5).applied(model, sites=spiking_sites(model, images)):
            outputs = model(leaf)
        slopes.append(torch.autograd.grad((outputs * torch.arange(20)).sum(), leaf)[0])
    assert float(slopes[0].abs().max()) > 0
    torch.testing.assert_close(slopes[1], slopes[0])

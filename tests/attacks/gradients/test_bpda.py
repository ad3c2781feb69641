"""Rounding passed as the identity: the same answers, a gradient where there was none, and the probe that asks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import Training
from attacks.gradients.bpda import BPDA, rounds_its_input
from attacks.gradients.spikes.sites import takes_path
from attacks.model_oracle import ModelOracle

Transform = Callable[[Tensor], Tensor]

TRANSFORMS: dict[str, Transform] = {
    "round": lambda x: (x * 31).round() / 31,
    "torch.round": lambda x: torch.round(x * 31) / 31,
    "floor": lambda x: torch.floor(x * 31 + 0.5) / 31,
    "quotient": lambda x: (x + 1 / 62) // (1 / 31) / 31,
    "div": lambda x: torch.div(x + 1 / 62, 1 / 31, rounding_mode="floor") / 31,
    "byte": lambda x: (x * 31 + 0.5).byte().float() / 31,
    "to": lambda x: (x * 31 + 0.5).to(torch.uint8).to(x.dtype) / 31,
    "in place": lambda x: (x * 31).round_() / 31,
}


class Rounding(nn.Module):
    """A linear model behind a transform."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform
        self.read = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.transform(x).flatten(1) @ self.read.T


def inputs(n: int = 4) -> Tensor:
    return torch.randint(256, (n, 1, 4, 4), generator=torch.Generator().manual_seed(1)).float() / 255


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_answers_stay_and_the_gradient_is_that_of_the_rest(transform: Transform) -> None:
    model, x, rows = Rounding(transform).eval(), inputs(), torch.arange(4)
    labels = model(x).argmax(1)
    plain = ModelOracle.of(model, labels, path=Training()).query(x, rows, grad=False)
    passed = ModelOracle.of(model, labels, path=BPDA()).query(x, rows, grad=True)
    torch.testing.assert_close(passed.value, plain.value)
    rest = ModelOracle.of(Rounding(lambda x: x).eval(), labels).query(transform(x), rows, grad=True)
    torch.testing.assert_close(passed.slope, rest.slope)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_the_probe_sees_it(transform: Transform) -> None:
    assert rounds_its_input(Rounding(transform).eval(), inputs())


@pytest.mark.parametrize(
    "transform",
    [
        lambda x: x,
        lambda x: (x > 0.5).float(),  # moves, but nothing that is passed lies between
        lambda x: x + 0 * x.round(),
        lambda x: torch.zeros_like(x) + 0 * x.round(),
        lambda x: x.round().long()[:, :, [0] * 4, [0] * 4].unsqueeze(2).repeat(1, 1, 4, 1)[..., torch.zeros(0).long()],
    ],
    ids=["nothing", "a threshold", "a rounding without weight", "a constant", "no shape that fits"],
)
def test_the_probe_sees_nothing_else(transform: Transform) -> None:
    assert not rounds_its_input(Rounding(transform).eval(), inputs())


def test_spikes_take_the_path_for_spikes() -> None:
    assert BPDA().layer_gradient() is None and BPDA(half=0.4).layer_gradient() is not None
    with pytest.raises(ValueError, match="half"):
        BPDA(half=0.6)


def test_a_model_without_spikes_takes_it_along_its_own_gradient() -> None:
    model = Rounding(TRANSFORMS["round"])
    assert takes_path(model, BPDA()) and not takes_path(model, BPDA(half=0.4))
    assert BPDA().spike_gradient() is None and BPDA(half=0.4).spike_gradient() is not None

"""The mix is the mean of two input gradients, and costs two passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from attacks.gradients.base import Training
from attacks.gradients.hart import HART
from attacks.gradients.mix import HARTMix
from attacks.model_oracle import ModelOracle

Build = Callable[..., Any]


def test_the_mix_is_the_mean_of_both_at_the_input(spiking: Build, images: Build) -> None:
    model, x = spiking(), images(5)
    labels, rows = torch.zeros(5, dtype=torch.long), torch.arange(5)

    def ask(path: Any) -> tuple[Any, ModelOracle]:
        oracle = ModelOracle.of(model, labels, path=path)
        return oracle.query(x, rows, grad=True), oracle

    mixed, books = ask(HARTMix(width=0.6))
    hart, own = ask(HART(width=0.6))[0], ask(Training())[0]
    assert not torch.allclose(hart.slope, own.slope)
    assert torch.allclose(mixed.slope, (hart.slope + own.slope) / 2)
    assert torch.allclose(mixed.value, own.value)
    assert books.forwards.tolist() == books.backwards.tolist() == [2] * 5
    books.query(x, rows, grad=False)
    assert books.forwards.tolist() == [3] * 5

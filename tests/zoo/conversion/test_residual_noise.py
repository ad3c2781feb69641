"""The noise of a source that is trained for its conversion, in the precisions that trainings use."""

from __future__ import annotations

import pytest
import torch

from attacks.randomness import KeyedRng, drawing
from zoo.conversion.nq import NoisyQCFS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_noise_is_finite_and_as_large_as_it_should_be(dtype: torch.dtype) -> None:
    """In bfloat16, 1 of 500 uniform numbers rounds to 1, whose normal number is infinite."""
    layer = NoisyQCFS(levels=4, threshold=4.0).train()
    layer.noise.fill_(0.1)
    z = torch.zeros(100, 1000, dtype=dtype)
    with drawing(KeyedRng.of(0, torch.arange(100))):
        noise = (layer(z) - layer.eval()(z)).detach()
    assert noise.dtype == dtype and noise.isfinite().all()
    assert float(noise.float().std()) == pytest.approx(0.1, rel=0.02)
    assert abs(float(noise.float().mean())) < 0.002

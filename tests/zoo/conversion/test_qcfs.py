"""The activation of the source: what it equals, and its derivative."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.conversion.convert import NEURON
from zoo.conversion.qcfs import QCFS
from zoo.spiking.neurons import LIF


@given(levels=st.integers(1, 16), threshold=st.floats(0.1, 10), seed=st.integers(0, 1000))
def test_it_is_the_mean_of_integrate_and_fire_neurons(levels: int, threshold: float, seed: int) -> None:
    """Under constant current over T = L steps."""
    z = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 * threshold
    spikes = LIF(**NEURON | {"threshold": threshold, "start": threshold / 2})(z.expand(levels, 200))
    a = QCFS(levels=levels, threshold=1).double()
    torch.nn.init.constant_(a.threshold, threshold)
    torch.testing.assert_close(a(z), threshold * spikes.mean(0), rtol=1e-12, atol=1e-12)


def test_values_and_derivatives_by_hand() -> None:
    layer = QCFS(levels=4, threshold=2.0)
    z = torch.tensor([-1.0, 0.2, 0.3, 1.1, 1.9, 5.0], requires_grad=True)
    a = layer(z)
    assert a.tolist() == [0, 0, 0.5, 1.0, 2.0, 2.0]
    for unit, wanted in enumerate([0, -0.1, 0.25 - 0.15, 0.5 - 0.55, 1 - 0.95, 1]):
        to_z, to_threshold = torch.autograd.grad(a[unit], [z, layer.threshold], retain_graph=True)
        assert float(to_threshold) == pytest.approx(wanted, abs=1e-6)
        assert to_z.tolist() == [float(other == unit and unit in (1, 2, 3, 4)) for other in range(6)]


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"threshold": 0.0}, {"threshold": float("nan")}])
def test_wrong_arguments(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="levels and threshold must be positive"):
        QCFS(**wrong)

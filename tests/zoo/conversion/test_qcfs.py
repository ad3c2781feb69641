"""The activation of the source: what it equals, and its derivative."""

from __future__ import annotations

from typing import Any

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


SHARES = [-0.26, -0.25, -0.1, 0.0, 0.2, 0.5, 1.0, 1.2, 1.25, 1.5]
"""z / threshold; with two levels, half a step is 1/4."""
STEPS = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
"""a / threshold: floor(2 share + 1/2) / 2 between 0 and 1."""
INSIDE = {
    "paper": [0, 1, 1, 1, 1, 1, 1, 1, 0, 0],
    "clipped": [0, 0, 0, 1, 1, 1, 1, 0, 0, 0],
}


@pytest.mark.parametrize("gradient", INSIDE)
def test_where_the_ramp_ends(gradient: Any) -> None:
    """da/dz is 1 inside and 0 outside; da/dthreshold is a / threshold, less z / threshold inside. Values are exact."""
    layer = QCFS(levels=2, threshold=4.0, gradient=gradient).double()
    z = torch.tensor([4 * share for share in SHARES], dtype=torch.float64, requires_grad=True)
    a = layer(z)
    assert a.tolist() == [4 * step for step in STEPS]
    (to_z,) = torch.autograd.grad(a.sum(), z, retain_graph=True)
    assert to_z.tolist() == INSIDE[gradient]
    for unit, (share, step, inside) in enumerate(zip(SHARES, STEPS, INSIDE[gradient], strict=True)):
        (to_threshold,) = torch.autograd.grad(a[unit], layer.threshold, retain_graph=True)
        assert float(to_threshold) == pytest.approx(step - share * inside, abs=1e-12)


@pytest.mark.parametrize("levels", [1, 4, 8])
def test_the_paper_s_gradient_is_that_of_clip_after_floor(levels: int) -> None:
    """As autograd has it for the equation itself, with a floor whose derivative is 1."""
    generator = torch.Generator().manual_seed(levels)
    z = torch.randn(500, dtype=torch.float64, generator=generator, requires_grad=True)
    weights = torch.randn(500, dtype=torch.float64, generator=generator)
    layer = QCFS(levels=levels, threshold=0.8, gradient="paper").double()
    threshold = layer.threshold.detach().clone().requires_grad_()
    scaled = levels * z / threshold + 0.5
    straight = scaled + (scaled.floor() - scaled).detach()
    wanted = torch.autograd.grad((weights * threshold * (straight / levels).clamp(0, 1)).sum(), [z, threshold])
    given = torch.autograd.grad((weights * layer(z)).sum(), [z, layer.threshold])
    torch.testing.assert_close(given, wanted, rtol=1e-10, atol=1e-10)


def test_the_gradient_does_not_change_values() -> None:
    torch.manual_seed(0)
    z = torch.randn(1000) * 3
    assert torch.equal(QCFS(gradient="paper")(z), QCFS(gradient="clipped")(z))


def test_an_unknown_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown gradient 'exact'; known: clipped, paper"):
        QCFS(gradient="exact")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"threshold": 0.0}, {"threshold": float("nan")}])
def test_wrong_arguments(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="levels and threshold must be positive"):
        QCFS(**wrong)

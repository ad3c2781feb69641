"""The Triton kernels against plain loops with autograd.

Where there is no GPU they run through Triton's interpreter, so these tests are small.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from support.on_gpu import kernel_device
from torch import Tensor

from attacks.gradients import accelerated
from attacks.gradients.base import Dynamics, LayerGradient, Reset
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.pdsg import PotentialDependent
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.spiking.kernels import IntegrateAndFire, integrate_and_fire

ROOT = Path(__file__).parents[3]

TOLERANCE = 2e-5
"""Of a gradient, relative to its largest entry: the kernels and the loop round differently."""


@pytest.fixture(autouse=True)
def device() -> Iterator[torch.device]:
    with kernel_device() as where:
        yield where


class _Step(torch.autograd.Function):
    """A spike whose derivative is a surrogate's."""

    @staticmethod
    def forward(ctx: Any, potential: Tensor, threshold: float, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(surrogate.derivative(potential, threshold))
        return (potential >= threshold).to(potential.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad * ctx.saved_tensors[0], None, None


def plain(current: Tensor, dynamics: Dynamics, surrogate: Surrogate, attached: bool) -> Tensor:
    """The equations of :class:`Dynamics`, one step after the other, differentiated by autograd."""
    v = torch.full_like(current[0], dynamics.start)
    outputs = []
    for now in current:
        u = dynamics.decay * v + now
        s = _Step.apply(u, dynamics.threshold, surrogate)
        resetting = s if attached else s.detach()
        v = u * (1 - resetting) if dynamics.reset == "hard" else u - dynamics.threshold * resetting
        outputs.append(s)
    return torch.stack(outputs)


def currents(*shape: int, device: torch.device, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device) + 0.6


def channels_last(x: Tensor) -> Tensor:
    return x.movedim(2, -1).contiguous().movedim(-1, 2)


def close(ours: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> bool:
    return bool((ours - expected).abs().max() <= tolerance * expected.abs().max()) and bool(expected.abs().max() > 0)


def both(x: Tensor, dynamics: Dynamics, surrogate: Surrogate, attached: bool, pool: int = 1) -> tuple[Tensor, ...]:
    """Outputs and gradients of the kernels, then those of the plain loop."""
    results: list[Tensor] = []
    for run in ("kernel", "loop"):
        leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        if run == "kernel":
            outputs = IntegrateAndFire.apply(leaf, dynamics, ThroughTime(surrogate, attached), None, pool)
        else:
            outputs = plain(leaf, dynamics, surrogate, attached)
            if pool > 1:
                outputs = torch.nn.functional.avg_pool2d(outputs.flatten(0, 1), pool).unflatten(0, outputs.shape[:2])
        incoming = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1)).to(x.device)
        results += [outputs.detach(), *torch.autograd.grad(outputs, leaf, incoming)]
    return tuple(results)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("name", SURROGATES)
def test_equals_the_loop(name: str, reset: Reset, attached: bool, steps: int, device: torch.device) -> None:
    dynamics = Dynamics(decay=0.8, threshold=0.75, reset=reset, start=0.125)
    x = currents(steps, 3, 101, device=device)
    spikes, gradient, expected_spikes, expected_gradient = both(x, dynamics, Surrogate(name, 0.6), attached)
    assert torch.equal(spikes, expected_spikes)
    assert 0 < spikes.mean() < 1
    assert close(gradient, expected_gradient)


@pytest.mark.parametrize("units", [1, 255, 256, 257])
def test_every_unit_is_computed_once(units: int, device: torch.device) -> None:
    """Also those of the last program, which has units to spare."""
    x = currents(3, 1, units, device=device)
    spikes, gradient, expected_spikes, expected_gradient = both(x, Dynamics(0.9), Surrogate("atan"), True)
    assert torch.equal(spikes, expected_spikes)
    assert close(gradient, expected_gradient)


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize(("size", "channels", "height", "width"), [(2, 5, 4, 6), (3, 3, 6, 3)])
def test_pools_in_the_kernel(size: int, channels: int, height: int, width: int, reset: Reset, device: torch.device) -> None:
    x = channels_last(currents(4, 3, channels, height, width, device=device))
    dynamics = Dynamics(0.9, 0.75, reset)
    means, gradient, expected_means, expected_gradient = both(x, dynamics, Surrogate("triangle"), True, size)
    assert means.stride(2) == 1
    torch.testing.assert_close(means, expected_means, rtol=1e-6, atol=1e-7)
    assert close(gradient, expected_gradient)


def test_places_beyond_a_window_do_not_spike(device: torch.device) -> None:
    """A start above the threshold fires at once, wherever there is a unit; 9 places are padded to 16."""
    x = channels_last(torch.zeros(2, 1, 2, 3, 3, device=device))
    means = IntegrateAndFire.apply(x, Dynamics(1.0, 1.0, "hard", start=2.0), ThroughTime(), None, 3)
    torch.testing.assert_close(means, torch.tensor([1.0, 0.0], device=device).view(2, 1, 1, 1, 1).expand(2, 1, 2, 1, 1))


@pytest.mark.parametrize("pool", [1, 2])
def test_a_constant_current_is_read_once_and_its_gradient_summed(pool: int, device: torch.device) -> None:
    step = currents(3, 5, 4, 4, device=device).contiguous(memory_format=torch.channels_last).requires_grad_()
    gradient = ThroughTime(Surrogate("atan"))
    outputs = IntegrateAndFire.apply(step, Dynamics(0.9), gradient, 4, pool)
    repeated = channels_last(step.detach().expand(4, *step.shape)).requires_grad_()
    expected = IntegrateAndFire.apply(repeated, Dynamics(0.9), gradient, None, pool)
    incoming = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1)).to(device)
    assert torch.equal(outputs, expected)
    (summed,) = torch.autograd.grad(outputs, step, incoming)
    (every,) = torch.autograd.grad(expected, repeated, incoming)
    assert close(summed, every.sum(0))


def test_a_gradient_that_is_the_same_at_each_step(device: torch.device) -> None:
    """A mean over time hands back one step, expanded."""
    x = currents(4, 2, 33, device=device).requires_grad_()
    spikes = IntegrateAndFire.apply(x, Dynamics(0.9), ThroughTime())
    incoming = torch.randn(1, 2, 33, generator=torch.Generator().manual_seed(1)).to(device)
    (ours,) = torch.autograd.grad(spikes, x, incoming.expand(4, 2, 33), retain_graph=True)
    (expected,) = torch.autograd.grad(spikes, x, incoming.repeat(4, 1, 1))
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_spikes_have_the_bits_of_the_compiled_loops(reset: Reset, device: torch.device) -> None:
    """Nothing is fused into one rounding, so the potentials agree to the last bit, too."""
    x, dynamics = currents(8, 2, 300, device=device), Dynamics(0.9, 0.7, reset, 0.05)
    potential, spikes = integrate_and_fire(x, dynamics)
    with mock.patch.object(accelerated, "usable", return_value=False):
        expected_potential, expected_spikes = integrate_and_fire(x.cpu(), dynamics)
    assert torch.equal(potential.cpu(), expected_potential)
    assert torch.equal(spikes.cpu(), expected_spikes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_fires_alike_with_and_without_a_gradient(dtype: torch.dtype, device: torch.device) -> None:
    x, dynamics = currents(4, 2, 300, device=device).to(dtype), Dynamics(0.9, 0.7)
    potential, spikes = integrate_and_fire(x, dynamics)
    kept, same = integrate_and_fire(x, dynamics, keep=False)
    assert spikes.dtype == potential.dtype == dtype
    assert len(kept) == 0
    assert torch.equal(spikes, same)
    assert torch.equal(spikes, (potential >= 0.7).to(dtype))
    leaf = x.clone().requires_grad_()
    (ours,) = torch.autograd.grad(IntegrateAndFire.apply(leaf, dynamics, ThroughTime()).sum(), leaf)
    leaf = x.float().requires_grad_()
    (expected,) = torch.autograd.grad(plain(leaf, dynamics, Surrogate(), True).sum(), leaf)
    # A potential that rounds to the other side of the threshold, or of a kink, has another gradient.
    assert ((ours.float() - expected).abs() <= 0.02 * expected.abs().max()).float().mean() > 0.97


def without_kernels(x: Tensor, gradient: LayerGradient, dynamics: Dynamics, incoming: Tensor) -> Tensor:
    with mock.patch.object(accelerated, "usable", return_value=False):
        leaf = x.detach().cpu().requires_grad_()
        (result,) = torch.autograd.grad(IntegrateAndFire.apply(leaf, dynamics, gradient), leaf, incoming.cpu())
    return result


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_pdsg_goes_through_the_kernel_for_given_slopes(reset: Reset, attached: bool, device: torch.device) -> None:
    x, dynamics = channels_last(currents(4, 2, 5, 3, 7, device=device)).requires_grad_(), Dynamics(0.9, 0.75, reset)
    incoming = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(device)
    gradient = PotentialDependent(attached)
    (ours,) = torch.autograd.grad(IntegrateAndFire.apply(x, dynamics, gradient), x, incoming)
    assert close(ours.cpu(), without_kernels(x, gradient, dynamics, incoming))


def test_float64_is_left_to_torch(device: torch.device) -> None:
    assert not accelerated.usable(torch.zeros(1, dtype=torch.float64, device=device))
    assert accelerated.usable(torch.zeros(1, device=device))


def test_the_compiler_takes_what_the_interpreter_takes(tmp_path: Path) -> None:
    """For an H100, which need not be there: nothing is fused into one rounding, and memory is read 16 bytes at a time."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), environment.get("PYTHONPATH", "")))
    command = [sys.executable, ROOT / "tests" / "support" / "compiled_kernels.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kernels = json.loads(done.stdout)
    assert {each["kernel"] for each in kernels} >= {"fire", "fire_and_pool", "through_surrogate", "through_adaptive_slopes"}
    assert not any(each["fused"] for each in kernels)
    assert all(each["wide"] for each in kernels if each["kernel"] != "add_one")

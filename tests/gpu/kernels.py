"""Whether the Triton kernels compute what torch operations and the compiled loops of a CPU compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from unittest import mock

import torch
from figures import Report
from torch import Tensor

from attacks.gradients import accelerated
from attacks.gradients.assg import ASSG
from attacks.gradients.base import Dynamics, LayerGradient, Reset, Trace
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.pdsg import PotentialDependent
from attacks.gradients.surrogates import SURROGATES, Surrogate
from attacks.gradients.windows import Windows
from zoo.spiking.kernels import fire_and_pool, integrate_and_fire
from zoo.spiking.pooling import spread

RESETS: tuple[Reset, ...] = ("hard", "soft")
TOLERANCE = 1e-4
"""Largest error of a gradient, in units of its largest entry."""


@contextmanager
def in_torch() -> Iterator[None]:
    """Without the Triton kernels."""
    with mock.patch.object(accelerated, "usable", return_value=False):
        yield


def currents(report: Report, steps: int) -> Tensor:
    """``(T, n, C, H, W)``, channels-last; numbers of units that fill no block."""
    n, c, h, w = (2, 3, 6, 6) if report.dry else (67, 33, 30, 36)
    x = torch.randn((steps, n, h, w, c), generator=torch.Generator().manual_seed(steps)) + 0.6
    return x.to(report.device).movedim(-1, 2)


def spikes(report: Report) -> None:
    """Bits of spikes and potentials against the loops of a CPU, and means over windows."""
    for reset, steps in product(RESETS, (1, 4) if report.dry else (1, 4, 8, 32)):
        x, dynamics = currents(report, steps), Dynamics(0.9, 0.75, reset, 0.125)
        ours = integrate_and_fire(x, dynamics)
        with in_torch():
            expected = integrate_and_fire(x.cpu(), dynamics)
        differing = sum(int((a.cpu() != b).sum()) for a, b in zip(ours, expected, strict=True))
        report.figure(f"spikes and potentials of other bits than on a CPU, {reset}, T={steps}", differing, "error", most=0)
        for size in (2, 3):
            windows = Windows.over(x, size, widest=None)
            if windows is None:
                raise RuntimeError("the windows do not cover the units")
            _, means = fire_and_pool(x, dynamics, windows)
            flat = torch.nn.functional.avg_pool2d(ours[1].flatten(0, 1), size).unflatten(0, ours[1].shape[:2])
            report.figure(f"means over {size} x {size}, {reset}, T={steps}", distance(means, flat), "error", most=1e-6)


def gradients(report: Report) -> None:
    """Every surrogate, reset, with and without windows, and summed over steps, on one trace in both ways."""
    worst: dict[str, float] = {}
    for name, reset, attached, constant in product(SURROGATES, RESETS, (True, False), (False, True)):
        x = currents(report, 4)
        dynamics = Dynamics(0.9, 0.75, reset)
        trace = Trace(integrate_and_fire(x, dynamics)[0], None, dynamics, constant)
        gradient = ThroughTime(Surrogate(name), attached)
        worst[name] = max(worst.get(name, 0.0), *(error(gradient, trace, size) for size in (1, 2)))
    for name, largest in worst.items():
        report.figure(f"gradient, {name}", largest, "error", most=TOLERANCE)


def adaptive(report: Report) -> None:
    """PDSG and ASSG, the latter from a fresh state."""
    for reset, attached in product(RESETS, (True, False)):
        x, dynamics = currents(report, 4), Dynamics(0.9, 0.75, reset)
        trace = Trace(integrate_and_fire(x, dynamics)[0], None, dynamics)
        how = f"{reset}, {'attached' if attached else 'detached'}"
        report.figure(f"gradient, PDSG, {how}", error(PotentialDependent(attached), trace), "error", most=TOLERANCE)
        assg = ASSG(reset="attached" if attached else "detached").layer_gradient()
        report.figure(f"gradient, ASSG, {how}", error(assg, trace), "error", most=TOLERANCE)


def error(gradient: LayerGradient, trace: Trace, size: int = 1) -> float:
    """Largest difference between kernel and torch operations, in units of the largest entry."""
    windows = Windows.over(trace.potential, size, widest=None)
    layout = trace.potential if windows is None else windows.pooled(trace.potential)
    incoming = torch.randn(layout.shape, generator=torch.Generator().manual_seed(1)).to(trace.potential)
    ours = gradient.backward(incoming, replace(trace, windows=windows))
    with in_torch():
        whole = incoming if windows is None else spread(incoming.flatten(0, 1), size).unflatten(0, incoming.shape[:2])
        expected = gradient.backward(whole, trace)
    if trace.constant and len(expected) > 1:
        expected = expected.sum(0, keepdim=True)
    return distance(ours, expected)


def distance(ours: Tensor, expected: Tensor) -> float:
    """Largest difference, in units of the largest entry."""
    return float((ours - expected).abs().max() / expected.abs().max().clamp_min(1e-30))

"""Converted residual networks against the papers' equations: loops over steps, with thresholds left where they were."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.networks import settled
from torch import Tensor, nn

from zoo.conversion.convert import folded_weights, snn_qcfs
from zoo.conversion.cos import snn_cos
from zoo.conversion.qcfs import QCFS, ann_qcfs
from zoo.conversion.srp import snn_srp
from zoo.spiking.network import TimeSequential

SHAPE: dict[str, Any] = {"network": "resnet20", "widths": (4, 6, 8)}
STEPS, CALIBRATION = 5, 3
IMAGES = torch.rand(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

Rule = Callable[[Tensor, float], Tensor]
"""Currents ``(T, n, ...)`` and a threshold to what the neurons send: spikes times the threshold."""


def run(current: Tensor, threshold: float, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Potentials before and after the reset, and spikes, of integrate-and-fire neurons with a soft reset."""
    before, after, spikes = [], [], []
    v = start
    for x in current:
        m = v + x
        s = (m >= threshold).double()
        v = m - threshold * s
        before.append(m)
        after.append(v)
        spikes.append(s)
    return torch.stack(before), torch.stack(after), torch.stack(spikes)


def half(current: Tensor, threshold: float) -> Tensor:
    return torch.full_like(current[0], threshold / 2)


def plain(current: Tensor, threshold: float) -> Tensor:
    return threshold * run(current, threshold, half(current, threshold))[2]


def silenced(current: Tensor, threshold: float) -> Tensor:
    """SRP, algorithm 1: a mask from the residual potential of the calibration, then a fresh run under it."""
    start = half(current, threshold)
    _, residual, first = run(current[:CALIBRATION], threshold, start)
    mask = (residual[-1] / threshold > 1e-3).double()
    return threshold * torch.cat([first, mask * run(current[CALIBRATION:], threshold, start)[2]])


def shifted(current: Tensor, threshold: float) -> Tensor:
    """COS, one iteration: where calibration ends outside [0, threshold), the start moves by one spike, unit by unit."""
    start = half(current, threshold)
    before, after, spikes = (part.flatten(1) for part in run(current[:CALIBRATION] / threshold, 1.0, start / threshold))
    moves = torch.zeros(before.shape[1], dtype=torch.float64)
    for unit in range(before.shape[1]):
        fired = spikes[:, unit] == 1
        if after[-1, unit] < 0 and fired.any():
            moves[unit] = -max(1.0, float(before[fired, unit].min()) - 1 + 1e-3)
        elif after[-1, unit] >= 1:
            silent = after[~fired, unit]
            moves[unit] = max(1.0, 1 - float(silent.max()) + 1e-3) if len(silent) else 1001.0
    return threshold * run(current, threshold, start + threshold * moves.view_as(start))[2]


class Neurons(TimeSequential):
    """In place of one activation of the source."""

    def __init__(self, threshold: float, rule: Rule) -> None:
        super().__init__()
        self.threshold, self.rule = threshold, rule

    def forward(self, x: Tensor) -> Tensor:
        return self.rule(x, self.threshold)


def by_formula(source: nn.Module, rule: Rule, images: Tensor, *, steps: int, first: int) -> Tensor:
    """Logits averaged over the steps from ``first`` on, of the source's own weights and thresholds."""
    model = copy.deepcopy(source)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, QCFS):
                setattr(parent, name, Neurons(float(child.threshold), rule))
    signal: Tensor = model.body(model.normalise(images).expand(steps, *images.shape))
    logits: Tensor = model.readout(signal[first:])
    return logits


@pytest.fixture(scope="module")
def source() -> nn.Module:
    torch.manual_seed(0)
    model = settled(ann_qcfs(**SHAPE, levels=8, gradient="paper").double(), IMAGES)
    for number, layer in enumerate(layer for layer in model.modules() if isinstance(layer, QCFS)):
        nn.init.constant_(layer.threshold, 0.7 + 0.09 * number)
    return model.requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rule", "steps", "first"),
    [
        (snn_qcfs(steps=STEPS, **SHAPE), plain, STEPS, 0),
        (snn_srp(steps=STEPS, tau=CALIBRATION, **SHAPE), silenced, CALIBRATION + STEPS, CALIBRATION),
        (snn_cos(steps=STEPS, rho=CALIBRATION, **SHAPE), shifted, STEPS, 0),
    ],
    ids=["qcfs", "srp", "cos"],
)
def test_resnet20(model: nn.Module, rule: Rule, steps: int, first: int, source: nn.Module) -> None:
    model.double().load_state_dict(folded_weights(source))
    logits = model.eval().requires_grad_(False)(IMAGES)
    assert float(logits.std(0).min()) > 0
    torch.testing.assert_close(logits, by_formula(source, rule, IMAGES, steps=steps, first=first), rtol=1e-8, atol=1e-8)


@pytest.mark.slow
def test_the_three_rules_differ(source: nn.Module) -> None:
    found = [
        by_formula(source, rule, IMAGES, steps=CALIBRATION + STEPS, first=CALIBRATION) for rule in (plain, silenced, shifted)
    ]
    assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_a_constant_current_over_as_many_steps_as_levels_gives_the_source(source: nn.Module) -> None:
    """The first layer, whose current is that of the image at each step, is exact; L is 8."""
    stem, activation = source.body[0], source.body[1]
    z = stem(source.normalise(IMAGES))
    sent = plain(z.expand(8, *z.shape), float(activation.threshold)).mean(0)
    torch.testing.assert_close(sent, activation(z), rtol=1e-9, atol=1e-9)

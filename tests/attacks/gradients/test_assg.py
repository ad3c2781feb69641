"""ASSG: closed-form averages on one neuron, state per sample, frozen within EOT, forgotten at a restart."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.model_oracle import ModelOracle
from zoo.spiking.neurons import LIF


class OneNeuron(nn.Module):
    """Logits (0, number of spikes in one step) for a current ``(n, 1)``."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = LIF(decay=1.0)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.neuron(x[None])[0]
        return torch.cat([torch.zeros_like(spikes), spikes], 1)


def oracle(rows: int, **settings: object) -> ModelOracle:
    labels = torch.zeros(rows, dtype=torch.long)
    return ModelOracle.of(OneNeuron(), labels, path=ASSG(half=0.4), **settings)


def closed_form(history: list[float]) -> float:
    """dCE/dcurrent of label 0 after the iterations in ``history`` (currents), by the paper's recursion."""
    centre, deviation = 1.0, 0.0
    for current in history:
        size = abs(current - 1)
        centre = 0.9 * centre + 0.1 * size
        deviation = 0.9 * deviation + 0.1 * abs(size - centre)
    alpha = 2 / math.pi * math.tan(0.4 * math.pi) / (centre + 1.5 * deviation + 1e-4)
    x = history[-1] - 1
    slope = alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2)
    spike = float(x >= 0)
    return slope * math.exp(spike) / (1 + math.exp(spike))


def ask(asked: ModelOracle, currents: list[float], rows: list[int]) -> list[float]:
    x = torch.tensor(currents, dtype=torch.float64)[:, None]
    return asked.query(x, torch.tensor(rows), grad=True).slope[:, 0].tolist()


def test_the_sharpness_follows_the_papers_recursion() -> None:
    asked = oracle(1)
    history: list[float] = []
    for current in (0.4, 0.9, 1.7, 0.2):
        history.append(current)
        assert ask(asked, [current], [0]) == pytest.approx([closed_form(history)])


@pytest.mark.parametrize("compiled", [True, False])
def test_the_unit_of_the_threshold_does_not_matter(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose thresholds and currents are all a millionth of another's decides alike and must fall alike."""
    if not compiled:
        monkeypatch.setattr("attacks.gradients.compiled.usable", lambda x: False)
    slopes = []
    for unit in (1.0, 2.0**-20):
        neurons = LIF(decay=0.9, threshold=unit)
        with ASSG(half=0.42).applied(neurons):
            current = torch.rand(4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
            weights = torch.rand(4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
            (slope,) = torch.autograd.grad((neurons(current * unit) * weights).sum(), current)
        slopes.append(slope)
    torch.testing.assert_close(slopes[1], slopes[0])


def test_each_sample_has_its_own_state_whatever_its_company() -> None:
    asked = oracle(3)
    ask(asked, [0.4, 1.5, 0.7], [0, 1, 2])
    found = ask(asked, [0.1, 0.8], [2, 0])
    assert found == pytest.approx([closed_form([0.7, 0.1]), closed_form([0.4, 0.8])])


def test_a_restart_forgets_and_the_draws_of_one_query_do_not_learn() -> None:
    asked = oracle(2, draws=5)
    first = ask(asked, [0.4, 0.4], [0, 1])
    assert first == pytest.approx([closed_form([0.4])] * 2)
    asked.forget(torch.tensor([0]))
    assert ask(asked, [0.6, 0.6], [0, 1]) == pytest.approx([closed_form([0.6]), closed_form([0.4, 0.6])])


@pytest.mark.parametrize("settings", [{"half": 0.0}, {"half": 0.5}, {"beta1": 1.0}, {"beta2": -0.1}])
def test_parameters_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie"):
        ASSG(**settings)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_the_gradient_of_the_reset_is_dropped_unless_asked_for(
    kind: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through given slopes, which know both ways."""
    if not compiled:
        monkeypatch.setattr("attacks.gradients.compiled.usable", lambda x: False)
    neurons = LIF(decay=0.9, reset=kind)
    current = 2 * torch.rand(4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def slope(path: ASSG) -> Tensor:
        with path.applied(neurons):
            return torch.autograd.grad(neurons(current).sum(), current)[0]

    dropped, kept = slope(ASSG()), slope(ASSG(reset="attached"))
    assert torch.equal(dropped[-1], kept[-1])  # no reset after the last step
    assert not torch.allclose(dropped[:-1], kept[:-1])
    assert not torch.isclose(slope(ASSG(beta1=0.5)), dropped).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_the_order_in_memory_does_not_matter(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples innermost, as some products leave them, or outermost."""
    if not compiled:
        monkeypatch.setattr("attacks.gradients.compiled.usable", lambda x: False)
    current = 2 * torch.rand(4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = torch.rand(4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    neurons, slopes = LIF(), []
    for given in (current, current.transpose(1, 2).contiguous().transpose(1, 2)):
        session, leaf = ASSG().session(6), given.requires_grad_()
        for _ in range(3):
            with session.applied(neurons, torch.arange(6), learn=True):
                (slope,) = torch.autograd.grad((neurons(leaf) * weights).sum(), leaf)
        slopes.append(slope)
    torch.testing.assert_close(slopes[1], slopes[0])

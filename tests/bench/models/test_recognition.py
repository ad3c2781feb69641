"""Verdicts on networks that this suite did not build: what nobody controlled is said, and never called reliable."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.folding_time import Spike
from torch import Tensor, nn

import bench
from bench.foundation.errors import SpecError

X = torch.rand(24, 1, 4, 4, generator=torch.Generator().manual_seed(1))
SHARP: dict[str, Any] = {"attack": ["pgd:steps=3"], "eps": "0.05"}


class ByHand(nn.Module):
    """A layer of leaky neurons in a loop over time. kind: how its spikes are written."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.kind = kind
        self.fc, self.out = nn.Linear(16, 32), nn.Linear(32, 3)
        for layer in (self.fc, self.out):
            layer.weight.data = torch.randn(layer.weight.shape, generator=generator) / 2

    def fire(self, u: Tensor) -> Tensor:
        if self.kind == "function":
            spikes: Tensor = Spike.apply(u)
            return spikes
        soft = torch.sigmoid(4 * u)
        return (u >= 0).to(u.dtype).detach() + soft - soft.detach()

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "no gradient":
            with torch.no_grad():
                return self.run(x)
        return self.run(x)

    def run(self, x: Tensor) -> Tensor:
        current, u, total = self.fc(x.flatten(1)), 0.0, 0.0
        for _ in range(3):
            u = 0.5 * u + current
            spikes = self.fire(u - 1)
            u = u * (1 - spikes)
            total = total + self.out(spikes)
        assert isinstance(total, Tensor)
        return total


def evaluated(model: nn.Module, **options: Any) -> bench.Record:
    model = model.eval()
    with torch.no_grad():
        labels = model(X).argmax(1)
    return bench.evaluate(model, data=(X, labels), **(SHARP | options))


def checks(record: bench.Record, name: str) -> list[str]:
    return [check.says for check in record.reliability.checks if check.name == name]


def test_spike_functions_written_by_hand_are_controlled_and_counted() -> None:
    record = evaluated(ByHand("function"), attack=["quick"])
    assert checks(record, "gradient path") == ["1 of 1 spike functions in 1 layers were under the attacker's control"]
    assert not checks(record, "out of control") and record.model.spiking
    spikes = record.model.spikes
    assert spikes is not None and spikes.uncontrolled == [] and spikes.controlled[0].endswith("3 calls")


def test_a_path_that_is_defined_for_spikes_is_taken_and_another_is_refused_with_its_reason() -> None:
    assert evaluated(ByHand("function"), path="bptt:surrogate=triangle,width=0.5").results
    with pytest.raises(SpecError, match="layers that run all time steps"):
        evaluated(ByHand("function"), path="bptr")


@pytest.mark.slow
def test_a_straight_through_step_is_named_and_bounds_the_verdict() -> None:
    record = evaluated(ByHand("straight through"), attack=["standard"], eps="0.01")
    (says,) = checks(record, "out of control")
    assert "not under the attacker's control" in says and "test_recognition.py" in says
    assert record.reliability.status != "reliable"


@pytest.mark.slow
def test_a_network_without_gradients_is_attacked_without_them_and_bounded() -> None:
    record = evaluated(ByHand("no gradient"), attack=["standard"], eps="0.05")
    assert checks(record, "no gradient") and record.reliability.status != "reliable"
    assert not (record.rows["status"] == "attack_error").any()


def test_an_attack_along_a_gradient_that_does_not_arrive_is_refused_and_another_is_named() -> None:
    with pytest.raises(SpecError, match=r"this model has none.*--attack square"):
        evaluated(ByHand("no gradient"), attack=["pgd:steps=3"])


class Probabilities(nn.Module):
    """A linear network that ends in a softmax, which saturates."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(16, 3)
        self.read.weight.data = 1e3 * torch.randn(3, 16, generator=torch.Generator().manual_seed(0))

    def forward(self, x: Tensor) -> Tensor:
        probabilities: Tensor = self.read(x.flatten(1) - 0.5).softmax(1)
        return probabilities


def test_saturated_probabilities_are_the_reason_and_not_a_slope() -> None:
    record = evaluated(Probabilities(), attack=["standard"], eps="0.01")
    assert record.reliability.status == "unreliable"
    assert "returns saturated probabilities" in record.reliability.reasons[0]
    assert not checks(record, "derivative")


@pytest.mark.slow
def test_few_attacked_samples_allow_no_verdict() -> None:
    model = ByHand("function").eval()
    with torch.no_grad():
        wrong = (model(X).argmax(1) + 1) % 3
    wrong[:3] = (wrong[:3] - 1) % 3
    record = bench.evaluate(model, data=(X, wrong), attack="standard", eps="0.01")
    assert any("only 3 samples" in says for says in checks(record, "attacked samples"))
    assert record.reliability.status != "reliable"

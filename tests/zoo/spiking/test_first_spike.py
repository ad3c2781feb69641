"""First-spike decoding against a neuron simulated by hand, and early exit against cutting time short."""

from __future__ import annotations

import pytest
import torch
from support.networks import settled
from torch import Tensor

from zoo.architectures.compact import Compact, compact
from zoo.spiking.first_spike import FirstSpike, steps_used
from zoo.spiking.network import over_time
from zoo.spiking.readouts import MeanLogits

DECAY, THRESHOLD = 0.7, 0.8


def readout(classes: int = 5) -> FirstSpike:
    torch.manual_seed(0)
    return FirstSpike(6, classes, neuron={"decay": DECAY, "threshold": THRESHOLD, "surrogate": "atan"}).double()


def spikes(steps: int = 6, rows: int = 40) -> Tensor:
    return (torch.rand(steps, rows, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64) > 0.6).double()


def by_hand(current: list[float]) -> float:
    u = 0.0
    peak = -float("inf")
    for t, drive in enumerate(current):
        u = DECAY * u + drive
        peak = max(peak, u)
        if u >= THRESHOLD:
            return 2 * (len(current) - t + 1 - THRESHOLD / u)
    return 2 * (peak / THRESHOLD - 1)


def test_logits_are_times_to_the_first_spike() -> None:
    layer, x = readout(), spikes()
    logits = layer(x)
    current = over_time(layer.linear, x)
    expected = [[by_hand(current[:, n, k].tolist()) for k in range(5)] for n in range(40)]
    torch.testing.assert_close(logits, torch.tensor(expected, dtype=torch.float64))
    assert (logits > 2).any() and (logits < 0).any()


def test_an_earlier_spike_always_wins_and_silence_always_loses() -> None:
    layer, x = readout(), spikes()
    fired = layer.neuron(over_time(layer.linear, x))
    left = ((1 - (1 - fired).cumprod(0)).sum(0)).long()
    logits = layer(x)
    assert bool((logits >= 2 * left - 1e-9)[left > 0].all()) and bool((logits < 2 * (left + 1)).all())
    assert bool((logits[left == 0] < 0).all())


def test_the_gradient_knows_what_another_first_spike_would_be_worth() -> None:
    """At spikes of 0 and 1 the slope of ``d`` along each spike is the change from adding or removing it."""
    s = torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)

    def left(x: Tensor) -> Tensor:
        return (1 - (1 - x).cumprod(0)).sum(0)

    (slope,) = torch.autograd.grad(left(s), s)
    flipped = [s.detach().clone() for _ in range(5)]
    for t, other in enumerate(flipped):
        other[t] = 1 - other[t]
    change = torch.stack([(left(other) - left(s.detach())) * (other[t] - s[t].detach()) for t, other in enumerate(flipped)])
    torch.testing.assert_close(slope, change)
    assert slope.tolist() == [2, 1, 2, 0, 0]


def test_every_class_has_a_gradient_silent_or_not() -> None:
    layer, x = readout(), spikes().requires_grad_()
    logits = layer(x)
    for k in range(5):
        (slope,) = torch.autograd.grad(logits[:, k].sum(), x, retain_graph=True)
        assert bool((slope.abs().sum((0, 2)) > 0).all())


def snn() -> Compact:
    torch.manual_seed(0)
    model = compact(
        steps=6, encoder="latency", neuron={"threshold": 0.5}, output={"threshold": 0.5}, widths=(4, 4, 6, 8)
    ).double()
    images = torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return settled(model, images)  # type: ignore[return-value]


def test_nothing_after_the_first_output_spike_changes_the_answer() -> None:
    """Run only as many steps as were used: the same class, and one step fewer has not decided."""
    model = snn()
    images = torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    images *= torch.linspace(0.1, 1, 32, dtype=torch.float64).view(32, 1, 1, 1)
    with torch.no_grad():
        model.readout.linear.weight.mul_(0.5)
        used, answers = steps_used(model, images), model(images).argmax(1)
        assert len(used.unique()) > 2 and int(used.min()) >= 1 and int(used.max()) <= 6
        for row, steps, answer in zip(images, used.tolist(), answers.tolist(), strict=True):
            signal = over_time(model.normalise, model.encoder(row[None]))
            assert int(model.readout(model.body(signal[:steps])).argmax(1)) == answer
            garbage = torch.cat([signal[:steps], torch.randn_like(signal[steps:])])
            assert int(model.readout(model.body(garbage)).argmax(1)) == answer
            if steps > 1:
                assert bool((model.readout(model.body(signal[: steps - 1])) < 0).all())


def test_a_network_that_never_answers_takes_all_steps() -> None:
    model = snn()
    with torch.no_grad():
        model.readout.linear.weight.zero_()
        model.readout.linear.bias.fill_(-1)
    assert steps_used(model, torch.rand(2, 3, 32, 32, dtype=torch.float64)).tolist() == [6, 6]


def test_other_readouts_have_no_first_spike() -> None:
    with pytest.raises(ValueError, match="not read by its first output spike"):
        steps_used(MeanLogits(4, 3), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="start at a potential of 0"):
        FirstSpike(4, 3, neuron={"start": 0.5})

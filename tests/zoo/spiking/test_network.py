"""Layers over time, encoders and read-outs against the loop over time they stand for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import Reset
from attacks.randomness import KeyedRng, drawing
from zoo.spiking.encoders import ENCODERS, Direct, Poisson
from zoo.spiking.network import TimeSequential, constant_in_time, over_time
from zoo.spiking.neurons import LIF
from zoo.spiking.readouts import MeanLogits


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Counted(nn.Linear):
    """A layer that remembers how many rows each call had."""

    def __init__(self) -> None:
        super().__init__(4, 5, dtype=torch.float64)
        self.rows: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(len(x))
        return super().forward(x)


def test_over_time_runs_a_constant_signal_once() -> None:
    layer, x = Counted(), draw(2, 4)
    once, repeated = over_time(layer, x.expand(3, 2, 4)), over_time(layer, x.repeat(3, 1, 1))
    assert layer.rows == [2, 6]
    assert once.shape == repeated.shape == (3, 2, 5)
    assert constant_in_time(once) and not constant_in_time(repeated)
    torch.testing.assert_close(once, repeated)


def test_over_time_is_the_layer_at_each_step() -> None:
    layer, x = nn.Conv2d(3, 2, 3).double(), draw(4, 2, 3, 6, 5)
    expected = torch.stack([layer(step) for step in x])
    torch.testing.assert_close(over_time(layer, x), expected)
    torch.testing.assert_close(over_time(layer, x.transpose(0, 1)), torch.stack([layer(x[:, n]) for n in range(2)]))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_over_time_with_few_rows(rows: int) -> None:
    assert over_time(nn.Linear(4, 5), torch.randn(2, rows, 4)).shape == (2, rows, 5)


def test_over_time_adds_the_gradient_of_all_steps() -> None:
    layer, head = Counted(), draw(3, 2, 5, seed=1)
    results = []
    for shape in ((3, 2, 4), (1, 2, 4)):
        leaf = draw(2, 4).requires_grad_()
        signal = leaf.expand(*shape) if shape[0] == 3 else leaf.repeat(3, 1, 1)
        results.append(torch.autograd.grad(over_time(layer, signal), (leaf, layer.weight), head))
    for once, repeated in zip(*results, strict=True):
        torch.testing.assert_close(once, repeated)


def network() -> TimeSequential:
    torch.manual_seed(0)
    inner = TimeSequential(nn.Linear(6, 6), LIF(decay=0.8, threshold=0.3))
    return TimeSequential(nn.Linear(4, 6), LIF(threshold=0.3), inner, nn.Linear(6, 3)).double()


def by_hand(net: TimeSequential, x: Tensor) -> Tensor:
    """The outer loop over time that users of other libraries write."""
    layers = [net[0], net[1], *net[2], net[3]]
    states = {1: torch.zeros(()), 3: torch.zeros(())}
    outputs = []
    for signal in x:
        for index, layer in enumerate(layers):
            if index in states:
                u = layer.dynamics.decay * states[index] + signal
                signal = (u >= layer.dynamics.threshold).to(u.dtype)
                states[index] = u * (1 - signal)
            else:
                signal = layer(signal)
        outputs.append(signal)
    return torch.stack(outputs)


@pytest.mark.parametrize("constant", [True, False])
def test_time_sequential_is_a_loop_over_time(constant: bool) -> None:
    net, x = network(), draw(5, 3, 4)
    x = x[:1].expand_as(x) if constant else x
    out = net(x)
    assert out.unique().numel() > 6
    torch.testing.assert_close(out, by_hand(net, x))


def test_calls_share_no_state() -> None:
    net, x = network(), draw(5, 3, 4)
    first = net(x)
    net(draw(2, 7, 4, seed=1))
    assert torch.equal(first, net(x))


def test_time_order_matters_to_neurons_only() -> None:
    x = draw(5, 3, 4).abs()
    assert not torch.equal(LIF()(x), LIF()(x.flip(0)).flip(0))
    layer = nn.Linear(4, 2).double()
    torch.testing.assert_close(over_time(layer, x), over_time(layer, x.flip(0)).flip(0))


def test_neurons_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="positive"):
        LIF(threshold=0.0)
    with pytest.raises(ValueError, match="hard"):
        LIF(reset="none")
    with pytest.raises(ValueError, match="surrogate"):
        LIF(surrogate="no such")


def test_input_scale_weighs_each_step() -> None:
    layer, x = LIF(input_scale=3, surrogate="atan").double(), draw(3, 2, 4)
    assert torch.equal(layer(x), LIF()(x))
    with torch.no_grad():
        layer.input_scale.copy_(torch.tensor([2.0, 0.5, 0.0]))
    scale = torch.tensor([2.0, 0.5, 0.0]).view(3, 1, 1)
    assert torch.equal(layer(x), LIF()(x * scale))
    assert torch.equal(layer(x[:1].expand_as(x)), LIF()(x[:1] * scale))
    (slope,) = torch.autograd.grad(layer(x).sum(), layer.input_scale)
    assert slope.shape == (3,) and slope.abs().min() > 0


def test_direct_keeps_one_copy() -> None:
    x = draw(2, 3, 4, 4)
    signal = Direct(steps=4)(x)
    assert signal.shape == (4, 2, 3, 4, 4) and constant_in_time(signal)
    assert signal.data_ptr() == x.data_ptr()


def test_encoders_say_whether_they_draw() -> None:
    assert {name: encoder.stochastic for name, encoder in ENCODERS.items()} == {
        "direct": False,
        "poisson": True,
        "latency": False,
        "front": False,
        "frequency": False,
    }


def keyed(ids: list[int], seed: int = 0) -> drawing:
    return drawing(KeyedRng.of(seed, torch.tensor(ids)))


def test_poisson_rate_is_the_intensity() -> None:
    x = torch.linspace(0, 1, 11).view(1, 1, 1, 11).repeat(2, 1, 1, 1)
    with keyed([0, 1]):
        spikes = Poisson(steps=4000)(x)
    assert spikes.unique().tolist() == [0, 1]
    rate = spikes.mean(0)
    assert torch.equal(rate[..., [0, -1]], x[..., [0, -1]])
    error = (rate - x).abs() / (x * (1 - x) / 4000).sqrt().clamp_min(1e-9)
    assert error.max() < 4.5
    assert not torch.equal(spikes[:, 0], spikes[:, 1])
    steps = spikes[:, 0, 0, 0, 5]
    assert abs((steps[1:] * steps[:-1]).mean() - 0.25) < 0.04


def test_poisson_draws_are_keyed_by_row() -> None:
    x, encode = torch.full((3, 1, 4, 4), 0.5), Poisson(steps=5)
    with keyed([7, 8, 9]):
        together, again = encode(x), encode(x)
    with keyed([9]):
        alone = encode(x[2:])
    with keyed([7, 8, 9], seed=1):
        other = encode(x)
    assert torch.equal(together, again)
    assert torch.equal(together[:, 2:], alone)
    assert not torch.equal(together, other)
    with keyed([7, 8]), pytest.raises(ValueError, match="rows"):
        encode(x)


def test_poisson_draws_from_torch_outside_a_context() -> None:
    x, encode = torch.full((3, 1, 4, 4), 0.5), Poisson(steps=5)
    torch.manual_seed(3)
    first, second = encode(x), encode(x)
    torch.manual_seed(3)
    assert torch.equal(first, encode(x)) and not torch.equal(first, second)


def test_poisson_gradient_is_straight_through() -> None:
    """Each spike's expectation is the intensity, whose derivative is one."""
    x, head = torch.rand(2, 1, 3, 3).requires_grad_(), torch.randn(6, 2, 1, 3, 3)
    (slope,) = torch.autograd.grad(Poisson(steps=6)(x), x, head)
    assert torch.equal(slope, head.sum(0))


@pytest.mark.parametrize("steps", [1, 4])
def test_mean_logits(steps: int) -> None:
    readout, spikes = MeanLogits(6, 3).double(), (draw(steps, 5, 6) > 0).double()
    per_step = torch.stack([readout.linear(step) for step in spikes])
    torch.testing.assert_close(readout(spikes), per_step.mean(0))


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("pool", [1, 2])
def test_layers_can_be_traced(reset: Reset, pool: int) -> None:
    """In one graph, for ``torch.compile``: the same bits, on numbers whose sums and products are exact in float32."""
    layer = LIF(decay=0.5, threshold=1.0, reset=reset, surrogate="rectangle", width=1.0)
    current = torch.randint(-8, 9, (3, 2, 4, 4, 6), generator=torch.Generator().manual_seed(0)) / 4
    weight = torch.randint(-8, 9, (3, 2, 4, 4 // pool, 6 // pool), generator=torch.Generator().manual_seed(1)) / 4
    results = []
    for run in (layer.pooled, torch.compile(layer.pooled, backend="eager", fullgraph=True)):
        leaf = current.clone().requires_grad_()
        output = run(leaf, pool)
        results.append((output.detach(), *torch.autograd.grad(output, leaf, weight)))
    assert all(torch.equal(plain, traced) for plain, traced in zip(*results, strict=True))
    assert results[0][1].count_nonzero() > 0

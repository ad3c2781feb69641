"""Penalties on membrane potentials: values and gradients by hand, and the loss against a slow computation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from support import random_batches
from support.networks import settled
from support.random_batches import seeded
from torch import Tensor, nn

from attacks.gradients.base import Dynamics
from zoo.architectures.compact import Compact, compact
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.plain import Plain
from zoo.defenses.potential_penalty import PotentialPenalty
from zoo.defenses.surrogate_window import SurrogateWindow
from zoo.defenses.threshold_guard import ThresholdGuard
from zoo.spiking.kernels import integrate_and_fire
from zoo.spiking.membrane import driving_currents, potential_of
from zoo.spiking.neurons import LIF

STEPS, DECAY, THRESHOLD = 3, 0.7, 0.5
batch = partial(random_batches.batch, dtype=torch.float64)


def snn() -> Compact:
    torch.manual_seed(0)
    neuron = {"threshold": THRESHOLD, "decay": DECAY, "input_scale": STEPS}
    model = compact(steps=STEPS, neuron=neuron, widths=(4, 4, 4, 4)).double()
    for layer in (module for module in model.modules() if isinstance(module, LIF)):
        assert layer.input_scale is not None
        layer.input_scale.data = torch.tensor([1.0, 0.8, 1.3], dtype=torch.float64)
    return settled(model, batch()[0])  # type: ignore[return-value]


# --- potentials ---


@given(
    seed=st.integers(0, 1000),
    decay=st.floats(0, 1),
    threshold=st.floats(0.1, 2),
    start=st.floats(-1, 1),
    hard=st.booleans(),
)
def test_they_are_those_of_the_neurons(seed: int, decay: float, threshold: float, start: float, hard: bool) -> None:
    dynamics = Dynamics(decay=decay, threshold=threshold, reset="hard" if hard else "soft", start=start)
    current = torch.randn(5, 4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(potential_of(current, dynamics), integrate_and_fire(current, dynamics)[0])


@pytest.mark.parametrize(
    ("reset", "potentials", "slopes"),
    [("hard", [0.6, 1.1, 0.3], [1.5, 1.0, 1.0]), ("soft", [0.6, 1.1, 0.35], [1.75, 1.5, 1.0])],
)
def test_gradients_pass_time_and_not_the_reset(reset: str, potentials: list[float], slopes: list[float]) -> None:
    """The neuron fires at its second step; the slopes are those of the sum of its potentials."""
    current = torch.tensor([[0.6], [0.8], [0.3]], dtype=torch.float64, requires_grad=True)
    dynamics = Dynamics(decay=0.5, threshold=1.0, reset=reset)  # type: ignore[arg-type]
    potential = potential_of(current, dynamics)
    assert potential.detach()[:, 0].tolist() == pytest.approx(potentials)
    (gradient,) = torch.autograd.grad(potential.sum(), current)
    assert gradient[:, 0].tolist() == pytest.approx(slopes)


def test_observers_are_taken_off_again_and_change_no_bit() -> None:
    (x, _), model = batch(), snn()
    layers = [module for module in model.modules() if isinstance(module, LIF)]
    plain = model(x)
    with driving_currents(model) as collected:
        assert torch.equal(model(x), plain)
    assert [layer for layer, _ in collected] == layers
    assert all(len(current) == STEPS for _, current in collected)
    with pytest.raises(RuntimeError, match="inside"), driving_currents(model):
        raise RuntimeError("inside")
    assert all(layer.observer is None for layer in layers)


# --- penalties by hand ---


def test_the_share_within_the_window() -> None:
    """Channels of mean 0 and deviation 1, and of mean 3 and deviation 1; Phi(1) - Phi(-1) and Phi(4) - Phi(2)."""
    distance = torch.tensor([[-1.0, 2.0], [1.0, 4.0]], dtype=torch.float64)[None, :, :, None, None]
    one, other = 0.6826894921370859, 0.0227184607
    assert float(SurrogateWindow(weight=1).penalty(distance)) == pytest.approx((one + other) / 2, abs=1e-9)
    layer_without_space = distance[..., 0, 0]
    assert float(SurrogateWindow(weight=1).penalty(layer_without_space)) == pytest.approx((one + other) / 2, abs=1e-9)
    # Half the window, half of it left of the mean: Phi(1/2) - Phi(-1/2).
    narrow = SurrogateWindow(weight=1, reach=0.5).penalty(distance[:, :, :1])
    assert float(narrow) == pytest.approx(0.3829249225, abs=1e-9)


def test_a_channel_that_does_not_vary_is_in_the_window_or_out_of_it() -> None:
    for distance, share in ((0.5, 1.0), (2.0, 0.0)):
        still = torch.full((2, 3, 1), distance, dtype=torch.float64, requires_grad=True)
        penalty = SurrogateWindow(weight=1).penalty(still)
        assert float(penalty.detach()) == pytest.approx(share)
        (gradient,) = torch.autograd.grad(penalty, still)
        assert gradient.isfinite().all()


def test_what_is_lacking_to_the_margin() -> None:
    """(0 + 0.3 + 0.4 + 0) / 4 for a margin of 0.5; potentials are pushed away from the threshold, to either side."""
    distance = torch.tensor([[-0.6, -0.2], [0.1, 0.7]], dtype=torch.float64, requires_grad=True)
    penalty = ThresholdGuard(weight=1, margin=0.5).penalty(distance)
    assert float(penalty.detach()) == pytest.approx(0.175)
    (gradient,) = torch.autograd.grad(penalty, distance)
    assert gradient.tolist() == [[0.0, 0.25], [-0.25, 0.0]]


def test_the_guard_s_weight_rises_along_half_a_cosine() -> None:
    guard = ThresholdGuard(weight=2.0)
    assert [guard.at(share).weight for share in (0.0, 0.5, 1.0)] == pytest.approx([0.0, 1.0, 2.0])
    assert guard.at(1 / 3).weight == pytest.approx(0.5)
    assert SurrogateWindow(weight=2.0).at(0.0).weight == 2.0


# --- the loss ---


def potentials_by_hand(model: Compact, x: Tensor) -> list[Tensor]:
    """Distances of potentials from the threshold, in units of it, layer by layer, spike by spike."""
    signal, distances = model.normalise(x).expand(STEPS, *x.shape), []
    for layer in model.body:
        if not isinstance(layer, LIF):
            signal = layer(signal.flatten(0, 1)).unflatten(0, (STEPS, -1))
            continue
        assert layer.input_scale is not None
        state, potentials = torch.zeros_like(signal[0]), []
        for t in range(STEPS):
            potentials.append(DECAY * state + layer.input_scale[t] * signal[t])
            state = torch.where(potentials[t] >= THRESHOLD, 0.0, potentials[t])
        distances.append((torch.stack(potentials) - THRESHOLD) / THRESHOLD)
        signal = layer(signal)
    return distances


@pytest.mark.parametrize("eps", [0.0, 8 / 255])
@pytest.mark.parametrize("kind", [SurrogateWindow, ThresholdGuard])
def test_equals_the_slow_computation(kind: type[SurrogateWindow] | type[ThresholdGuard], eps: float) -> None:
    """Loss and parameter gradients, those of the scale per time step included."""
    (x, y), model = batch(), snn()
    defense = kind(weight=3.0, eps=eps)
    images = AdversarialTraining(eps=eps).craft(model, x, y, generator=seeded()) if eps else x
    penalties = [defense.penalty(distance) for distance in potentials_by_hand(model, images)]
    assert len(penalties) == 4
    expected = F.cross_entropy(model(images), y) + 3.0 * sum(penalties) / 4
    loss, logits = defense.loss(model, x, y, generator=seeded())
    torch.testing.assert_close(logits, model(images))
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    given_gradients, wanted = (torch.autograd.grad(value, list(model.parameters())) for value in (loss, expected))
    for given_gradient, wanted_gradient in zip(given_gradients, wanted, strict=True):
        torch.testing.assert_close(given_gradient, wanted_gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [SurrogateWindow, ThresholdGuard])
def test_without_weight_it_is_plain_training(kind: type[SurrogateWindow] | type[ThresholdGuard]) -> None:
    x, y = batch()
    losses = [defense.loss(snn().train(), x, y, generator=seeded())[0] for defense in (kind(weight=0.0), Plain())]
    assert torch.equal(*losses)


@pytest.mark.parametrize("kind", [SurrogateWindow, ThresholdGuard])
def test_descending_the_penalty_clears_the_threshold(kind: type[SurrogateWindow] | type[ThresholdGuard]) -> None:
    """Potentials of one step are the currents: scale and shift of a channel leave fewer of them near the threshold."""
    draws = torch.randn(400, 1, generator=seeded(), dtype=torch.float64)
    scale, shift = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.3, 0.1))

    def distance() -> Tensor:
        return (scale * draws + shift)[None]

    def near() -> float:
        return float((distance().detach().abs() < 0.5).double().mean())

    near_before = near()
    for _ in range(200):
        gradients = torch.autograd.grad(kind(weight=1).penalty(distance()), [scale, shift])
        with torch.no_grad():
            for value, gradient in zip((scale, shift), gradients, strict=True):
                value.sub_(0.1 * gradient)
    assert near() < near_before - 0.3


@dataclass(frozen=True, kw_only=True)
class _Nothing(PotentialPenalty):
    def penalty(self, distance: Tensor) -> Tensor:
        return 0 * distance.sum()


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"weight": float("nan")}])
def test_a_negative_weight_is_refused(wrong: dict[str, float]) -> None:
    for kind in (_Nothing, SurrogateWindow, ThresholdGuard):
        with pytest.raises(ValueError, match="must not be negative"):
            kind(**wrong)


def test_an_empty_window_or_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="reach must be positive"):
        SurrogateWindow(weight=1, reach=0)
    with pytest.raises(ValueError, match="margin must be positive"):
        ThresholdGuard(weight=1, margin=0)


def test_a_network_without_spikes_is_refused() -> None:
    model: nn.Module = compact(steps=1, neuron=None, widths=(4, 4, 4, 4))
    with pytest.raises(ValueError, match="no spiking layer"):
        ThresholdGuard(weight=1).loss(model, *batch(), generator=seeded())

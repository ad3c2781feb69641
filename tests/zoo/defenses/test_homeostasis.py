"""Anchors that are mean potentials of the network before training, and rates that are trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.networks import settled
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.defenses.homeostasis import Homeostasis, resting
from zoo.loading import adopt
from zoo.spiking.homeostatic import HomeostaticLIF
from zoo.spiking.kernels import integrate_and_fire
from zoo.spiking.neurons import LIF

T, WIDTHS = 3, (4, 4, 6, 4)


def pair() -> tuple[nn.Module, nn.Module]:
    """A plain network, and one whose thresholds adapt, with the same weights."""
    torch.manual_seed(0)
    plain = settled(compact(steps=T, neuron={"threshold": 0.5}, widths=WIDTHS), pixels(16) / 255)
    adapting = compact(steps=T, neuron={"threshold": 0.5, "anchors": T, "adaptation": 0.4}, widths=WIDTHS)
    return plain, adopt(adapting, plain.state_dict(), "plain")


def layers_of(model: nn.Module) -> list[HomeostaticLIF]:
    return [layer for layer in model.modules() if isinstance(layer, HomeostaticLIF)]


def pixels(n: int) -> Tensor:
    return torch.randint(256, (n, 3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def potentials(plain: nn.Module, images: Tensor) -> list[Tensor]:
    """Potentials ``(T, n, ...)`` of each layer of a plain network, recorded by hooks."""
    recorded: list[Tensor] = []

    def record(layer: Any, inputs: tuple[Any, ...]) -> None:
        recorded.append(integrate_and_fire(inputs[0], layer.dynamics)[0])

    handles = [layer.register_forward_pre_hook(record) for layer in plain.modules() if isinstance(layer, LIF)]
    with torch.no_grad():
        plain(images)
    for handle in handles:
        handle.remove()
    return recorded


def test_anchors_are_the_mean_potentials_of_the_start_network() -> None:
    """And nothing else of the network changes, neither its rates nor its mode nor its BatchNorm."""
    plain, adapting = pair()
    images = pixels(40)
    adapting.train()
    Homeostasis(samples=1000).before_training(adapting, images)
    expected = potentials(plain, images / 255)
    for layer, potential in zip(layers_of(adapting), expected, strict=True):
        torch.testing.assert_close(layer.anchors, potential.mean(1), rtol=1e-4, atol=1e-5)
        assert torch.equal(layer.adaptation, torch.full_like(layer.adaptation, 0.4))
    assert adapting.training
    unchanged = {key: value for key, value in adapting.state_dict().items() if key in plain.state_dict()}
    assert all(torch.equal(value, plain.state_dict()[key]) for key, value in unchanged.items()) and unchanged


def test_images_are_spread_over_the_training_split() -> None:
    plain, adapting = pair()
    images = pixels(40)
    Homeostasis(samples=4).before_training(adapting, images)
    expected = potentials(plain, images[::10] / 255)
    for layer, potential in zip(layers_of(adapting), expected, strict=True):
        torch.testing.assert_close(layer.anchors, potential.mean(1), rtol=1e-4, atol=1e-5)


def test_thresholds_rest_inside_the_block_even_if_it_fails() -> None:
    _, adapting = pair()
    layers = layers_of(adapting)

    def fails_inside() -> None:
        with resting(layers):
            assert all(not layer.adaptation.any() for layer in layers)
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fails_inside()
    assert all(torch.equal(layer.adaptation, torch.full_like(layer.adaptation, 0.4)) for layer in layers)


@pytest.mark.parametrize("eps", [0.0, 8 / 255])
def test_a_step_of_training_moves_weights_and_rates_and_leaves_anchors(eps: float) -> None:
    _, adapting = pair()
    defense, images = Homeostasis(eps=eps), pixels(16)
    defense.before_training(adapting, images)
    layers = layers_of(adapting.train())
    anchors = [layer.anchors.clone() for layer in layers]
    generator = torch.Generator().manual_seed(0)
    loss, logits = defense.loss(adapting, images / 255, torch.arange(16) % 10, generator=generator)
    loss.backward()
    assert logits.shape == (16, 10) and loss.isfinite()
    gradients = [layer.adaptation.grad for layer in layers]
    assert all(gradient is not None and gradient.isfinite().all() and gradient.any() for gradient in gradients)
    assert all(parameter.grad is not None for parameter in adapting.parameters())
    assert all(torch.equal(layer.anchors, before) for layer, before in zip(layers, anchors, strict=True))


def test_examples_differ_from_images_only_where_a_radius_is_given() -> None:
    _, adapting = pair()
    images, labels = pixels(16) / 255, torch.arange(16) % 10
    adapting.eval()
    with torch.no_grad():
        clean = adapting(images)
    for eps, same in ((0.0, True), (0.2, False)):
        _, logits = Homeostasis(eps=eps).loss(adapting, images, labels, generator=torch.Generator())
        assert torch.equal(logits.detach(), clean) == same


def test_networks_and_numbers_that_do_not_fit() -> None:
    plain, _ = pair()
    with pytest.raises(ValueError, match="give the neurons of its card anchors"):
        Homeostasis().before_training(plain, pixels(2))
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        Homeostasis(eps=-1)
    with pytest.raises(ValueError, match="at least one image, not 0"):
        Homeostasis(samples=0)
    with pytest.raises(ValueError, match="unknown start"):
        Homeostasis(start="nowhere")  # type: ignore[arg-type]

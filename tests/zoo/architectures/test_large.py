"""Networks of the papers' size: their shape as published, a few steps of training when they are made thin, conversion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from support.networks import settled
from torch import Tensor, nn

from bench.training.loop import Split, train
from zoo.architectures.residual import Before, Block, parts_of, resnet18, resnet20, wrn16
from zoo.architectures.vgg import vgg
from zoo.card import Recipe, card, names
from zoo.conversion.convert import folded_weights, snn_qcfs
from zoo.conversion.nq import ann_nq, residual_errors
from zoo.conversion.proxy import proxy
from zoo.conversion.qcfs import QCFS
from zoo.defenses.robust_conversion import RobustConversion
from zoo.loading import build_defense
from zoo.spiking.neurons import LIF

NEURON: dict[str, Any] = {"decay": 0.99, "threshold": 0.5, "surrogate": "atan"}
THIN: dict[str, Callable[..., nn.Module]] = {
    "vgg5": lambda **arguments: vgg(plan="vgg5", hidden=12, multiplier=1 / 16, **arguments),
    "vgg11": lambda **arguments: vgg(plan="vgg11", hidden=12, multiplier=1 / 64, **arguments),
    "vgg16": lambda **arguments: vgg(plan="vgg16", hidden=12, multiplier=1 / 32, **arguments),
    # Not below 8: on processors with AVX2 only, oneDNN writes past its memory in the weights' gradient of a strided
    # 1 x 1 convolution of fewer channels.
    "resnet18": lambda **arguments: resnet18(widths=(8, 8, 16, 16), **arguments),
    "resnet20": lambda **arguments: resnet20(widths=(8, 8, 16), **arguments),
    "wrn16": lambda **arguments: wrn16(widen=1, **arguments),
}


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_published_sizes() -> None:
    """Weights of the convolutions and linear layers as in the papers' tables, with BatchNorm's two per channel."""
    with torch.device("meta"):
        found = {plan: vgg(plan=plan, steps=8, neuron=NEURON) for plan in ("vgg5", "vgg11", "vgg16")}
        residual, wide = resnet18(steps=1, neuron=None), wrn16(steps=8, neuron=NEURON)
    assert parameters(residual) == 11_173_962  # the usual ResNet-18 of CIFAR-10
    assert sum(isinstance(module, nn.Conv2d) for module in residual.modules()) == 20
    assert sum(isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3) for module in wide.modules()) == 13
    layers = [sum(isinstance(module, LIF) for module in model.modules()) for model in found.values()]
    assert layers == [5, 9, 15]
    assert found["vgg11"].body[-4].in_features == 512 * 4 * 4 and found["vgg5"].body[-4].in_features == 128 * 8 * 8


def test_resnet20_is_the_small_one_of_cifar10() -> None:
    """0.27 M weights, 19 convolutions of 3 x 3, 41 M multiply-adds, counted by hand with BatchNorm and 1 x 1 shortcuts."""
    model = resnet20(steps=1, neuron=None).eval()
    threes = 3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64
    ones, norms = 16 * 32 + 32 * 64, 2 * (7 * 16 + 7 * 32 + 7 * 64)
    assert parameters(model) == 9 * threes + ones + norms + 64 * 10 + 10 == 272_474
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert len(blocks) == 9 and sum(layer.kernel_size == (3, 3) for layer in convolutions) == 19
    adds = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal adds
        adds += output[0].numel() * cast(nn.Conv2d, layer).weight[0].numel()

    for layer in convolutions:
        layer.register_forward_hook(count)
    sides = []
    for block in blocks:
        parts_of(block)[2].register_forward_hook(lambda layer, inputs, output: sides.append(tuple(output.shape[-3:])))
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    assert sides == [(16, 32, 32)] * 3 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3
    assert 40e6 < adds < 42e6


PAPER_SIZE = [card(name) for name in names() if card(name).size == "paper"]
KINDS = list({one.defense.model_dump_json(): one.defense for one in PAPER_SIZE}.values())


def test_every_network_takes_part() -> None:
    assert len(KINDS) >= len(THIN)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_few_steps_of_training_with_every_defense_of_their_cards(number: int, tmp_path: Path) -> None:
    """Networks take turns. Two batches go through train and eval mode, and every weight moves.

    Thresholds are calibrated over other numbers of steps than the network has, so that its steps cannot have scales then.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
    data = Split(images, torch.arange(8) % 3)
    recipe = Recipe(epochs=1, batch_size=4, learning_rate=0.1, warmup=0, augment="crop_flip_cutout")
    torch.manual_seed(0)
    defense = build_defense(KINDS[number])
    calibrated = isinstance(defense, RobustConversion)
    make = THIN["resnet20"] if calibrated else list(THIN.values())[number % len(THIN)]
    model = make(steps=2, neuron=NEURON if calibrated else NEURON | {"input_scale": 2}, classes=3)
    before = {name: value.clone() for name, value in model.named_parameters()}
    (epoch,) = train(model, defense, recipe, data, data, checkpoint=tmp_path / "c", digest="d")
    assert epoch.loss > 0
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert {name for name in before if name.endswith(("weight", "share"))} <= moved
    assert model.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 3)


def test_the_weights_of_a_sum_are_a_half_each_at_first() -> None:
    torch.manual_seed(0)
    block = Before(nn.ReLU, 4, 4, stride=1).eval()
    x = torch.rand(2, 3, 4, 8, 8)
    only = block[1](block[0](x))
    torch.testing.assert_close(block(x), 0.5 * only + 0.5 * x)


@pytest.mark.parametrize(
    "shape",
    [
        {"network": "resnet18", "widths": (4, 4, 6, 6)},
        {"network": "resnet20", "widths": (4, 6, 8)},
        {"network": "vgg16", "hidden": 12, "multiplier": 1 / 32},
    ],
)
def test_conversion_of_large_networks(shape: dict[str, Any]) -> None:
    """The staircase on the folded weights is the source, through sums, shortcuts and linear layers."""
    torch.manual_seed(0)
    images = torch.rand(4, 3, 32, 32, dtype=torch.float64)
    source = settled(ann_nq(**shape).double(), images)
    layers = [layer for layer in source.modules() if isinstance(layer, QCFS)]
    for number, layer in enumerate(layers):
        nn.init.constant_(layer.threshold, 0.4 + 0.13 * number)
    source.requires_grad_(False)
    model = snn_qcfs(steps=4, **shape).double()
    model.load_state_dict(folded_weights(source))
    model.eval().requires_grad_(False)
    logits = source(images)
    assert float(logits.std()) > 0
    torch.testing.assert_close(proxy(model, "clip", levels=4).double()(images), logits, rtol=1e-8, atol=1e-8)
    errors = [
        float((snn(steps, shape, source)(images) - proxy(model, "clip", levels=64).double()(images)).square().mean())
        for steps in (2, 64)
    ]
    assert errors[1] < errors[0]
    assert len(residual_errors(source, images, steps=4)) == len(layers)


def snn(steps: int, shape: dict[str, Any], source: nn.Module) -> nn.Module:
    model = snn_qcfs(steps=steps, **shape).double()
    model.load_state_dict(folded_weights(source))
    return model.eval().requires_grad_(False)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="unknown plan 'vgg12'"):
        vgg(plan="vgg12", steps=1, neuron=None)
    with pytest.raises(ValueError, match="unknown network 'vgg12'"):
        snn_qcfs(steps=1, network="vgg12")
    with pytest.raises(ValueError, match="set steps to 1"):
        resnet18(steps=2, neuron=None)

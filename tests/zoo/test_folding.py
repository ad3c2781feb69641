"""Folding changes no function, only its rounding, and nothing of the network it is given."""

from __future__ import annotations

import torch
from torch import nn

import zoo
from zoo.architectures.blocks import ConvNorm
from zoo.architectures.compact import compact
from zoo.folding import folded


def trained(neuron: dict[str, object] | None) -> nn.Module:
    """A network whose BatchNorm statistics are not the initial ones."""
    torch.manual_seed(0)
    model = compact(steps=1 if neuron is None else 4, neuron=neuron, widths=(4, 6, 6, 8)).double()
    for _ in range(3):
        model(torch.rand(8, 3, 32, 32, dtype=torch.float64))
    return model.eval()


def test_the_folded_network_computes_the_same() -> None:
    x = torch.rand(5, 3, 32, 32, dtype=torch.float64)
    for neuron in (None, {"decay": 0.9}):
        model = trained(neuron)
        twin = folded(model)
        assert not any(isinstance(module, ConvNorm | nn.BatchNorm2d) for module in twin.modules())
        assert torch.allclose(twin(x), model(x), atol=1e-9)


def test_the_given_network_is_left_alone() -> None:
    model = trained({"decay": 0.9})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    twin = folded(model)
    for parameter in twin.parameters():
        assert not parameter.requires_grad
        parameter.zero_()
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_network_without_such_blocks_or_in_train_mode_comes_back_itself() -> None:
    linear = nn.Linear(3, 2)
    assert folded(linear.eval()) is linear
    model = trained(None).train()
    assert folded(model) is model


def test_decisions_of_a_trained_model_survive_folding() -> None:
    import bench

    x, _ = bench.load_data("cifar10", n=100)
    model = zoo.load("snn_vanilla")
    with torch.no_grad():
        assert (folded(model)(x).argmax(1) == model(x).argmax(1)).float().mean() >= 0.99

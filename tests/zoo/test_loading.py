"""Weights: only the right file gets in, and what comes out keeps the promises of a model."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from support.networks import settled
from torch import Tensor, nn

import zoo
from attacks import PATHS
from attacks.randomness import KeyedRng, drawing
from bench.data import open_dataset
from zoo.card import Card, Weights, card, names
from zoo.loading import adopt, build, fill, load, load_card, read_weights, resolve

SMALL = Card.model_validate(
    {
        "name": "small",
        "summary": "A small model.",
        "dataset": "cifar10",
        "builder": {"name": "compact", "arguments": {"steps": 2, "neuron": {}, "widths": [4, 4, 4, 4]}},
        "defense": {"name": "none"},
        "spiking": True,
        "recipe": {"epochs": 1, "learning_rate": 0.1},
    }
)


def shipped(folder: Path, content: bytes | dict[str, Tensor], described: Card = SMALL) -> Card:
    """Write weights, and the card that names them."""
    data = content if isinstance(content, bytes) else save(content)
    (folder / f"{described.name}.safetensors").write_bytes(data)
    weights = Weights(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    return described.model_copy(update={"weights": weights})


def trained() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {name: value.contiguous() for name, value in build(SMALL.builder).state_dict().items()}


def test_weights_arrive(tmp_path: Path) -> None:
    tensors = trained()
    model = load_card(shipped(tmp_path, tensors), tmp_path)
    assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_untrained_card() -> None:
    with pytest.raises(ValueError, match="small has no trained weights yet; train it with: bench train zoo:small"):
        load_card(SMALL)


def test_a_model_without_parameters_needs_no_file(tmp_path: Path) -> None:
    ready = card("cam_tfp_reconstruction")
    assert ready.weights is None and not ready.has_parameters and ready.needs is None
    model = load_card(ready, tmp_path)
    assert not model.state_dict() and not any(module.training for module in model.modules())
    incomplete = SMALL.model_copy(update={"recipe": None})
    with pytest.raises(ValueError, match="small has parameters, and its card has neither a recipe nor a conversion"):
        load_card(incomplete, tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    described = shipped(tmp_path, trained())
    (tmp_path / "small.safetensors").unlink()
    with pytest.raises(ValueError, match=r"small\.safetensors is missing"):
        load_card(described, tmp_path)


def test_another_file(tmp_path: Path) -> None:
    described = shipped(tmp_path, trained())
    content = bytearray((tmp_path / "small.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "small.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"small\.safetensors is not the file its card names: sha256 [0-9a-f]{12}\.\.\."):
        load_card(described, tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_file(kept: int, tmp_path: Path) -> None:
    """Refused by its hash, and without a hash by its format."""
    described = shipped(tmp_path, trained())
    path = tmp_path / "small.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="not the file its card names"):
        load_card(described, tmp_path)
    with pytest.raises(ValueError, match=r"small\.safetensors is not a readable safetensors file"):
        read_weights(path, None)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.folder,)


def test_pickles_are_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    bomb = pickle.dumps(Bomb(trap))
    torch.save(Bomb(trap), tmp_path / "model.pth")
    for content in (bomb, (tmp_path / "model.pth").read_bytes()):
        with pytest.raises(ValueError, match="not a readable safetensors file"):
            load_card(shipped(tmp_path, content), tmp_path)
    assert not trap.exists()
    pickle.loads(bomb)  # noqa: TID251  (to show that the bomb works)
    assert trap.exists()


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in trained().items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        (without("readout.linear.bias"), "Missing key.*readout.linear.bias"),
        (trained() | {"extra": torch.zeros(1)}, "Unexpected key.*extra"),
        (trained() | {"readout.linear.bias": torch.zeros(3)}, "size mismatch for readout.linear.bias"),
        ({}, "Missing key"),
    ],
    ids=["missing", "extra", "shape", "empty"],
)
def test_weights_that_do_not_fit(tensors: dict[str, Tensor], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"the weights in small\.safetensors do not fit the network: {reason}") as caught:
        load_card(shipped(tmp_path, tensors), tmp_path)
    assert "\n" not in str(caught.value)


def test_fill_leaves_the_layout() -> None:
    model = fill(build(SMALL.builder), trained(), "here")
    assert model.body[0][0].weight.is_contiguous(memory_format=torch.channels_last)


def test_adopted_weights_may_lack_parameters_of_neurons_and_nothing_else() -> None:
    arguments = SMALL.builder.arguments | {"neuron": {"input_scale": 2}}
    scaled, tensors = build(SMALL.builder.model_copy(update={"arguments": arguments})), trained()
    state = adopt(scaled, tensors, "here").state_dict()
    added = state.keys() - tensors.keys()
    assert added == {f"body.{index}.input_scale" for index in (1, 4, 6, 9)}
    assert all(torch.equal(state[name], tensors[name]) for name in tensors)
    assert all(state[name].tolist() == [1, 1] for name in added)
    with pytest.raises(ValueError, match=r"in here do not fit the network: Missing key.*readout\.linear\.bias"):
        adopt(scaled, without("readout.linear.bias"), "here")
    with pytest.raises(ValueError, match=r"Unexpected key.*input_scale"):
        adopt(build(SMALL.builder), {name: value.clone() for name, value in state.items()}, "here")


def test_unknown_model() -> None:
    with pytest.raises(KeyError, match="no_such_model"):
        load("no_such_model")


def test_front_door() -> None:
    assert zoo.load is load and zoo.names is names
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = zoo.no_such_thing


def network(name: str) -> nn.Module:
    """The trained model, or its fresh initialisation while it has no weights."""
    described = card(name)
    if described.weights or not described.has_parameters:
        return load(name)
    torch.manual_seed(0)
    return settled(build(described.builder), inputs_for(name, 8)).requires_grad_(False)


def inputs_for(name: str, n: int) -> Tensor:
    """Random inputs for a model: images, or event frames with events in a tenth of the cells."""
    shape = open_dataset(card(name).dataset).info.shape
    drawn = torch.rand(n, *shape, generator=torch.Generator().manual_seed(0))
    return drawn if len(shape) == 3 else (drawn < 0.1).float()


def scored(model: nn.Module, images: Tensor) -> Tensor:
    with drawing(KeyedRng.of(0, torch.arange(len(images)))):
        logits: Tensor = model(images)
    return logits


def distinct() -> list[str]:
    """Models with weights, and one of each network that nobody has trained yet: the others are the same network."""
    trained = [name for name in names() if card(name).weights is not None]
    untrained = {repr(card(name).builder): name for name in names() if card(name).weights is None}
    return [*trained, *untrained.values()]


def each(models: Sequence[str]) -> list[Any]:
    """Parameters of a test: networks that nobody has trained yet are large, and slow."""
    return [pytest.param(name, marks=() if is_ready(card(name)) else pytest.mark.slow) for name in models]


def is_ready(described: Card) -> bool:
    """Whether a model can be loaded: it has its weights, or needs none."""
    return described.weights is not None or not described.has_parameters


@pytest.mark.parametrize("name", each(distinct()))
def test_every_model_keeps_its_promises(name: str) -> None:
    """Finite, stateless, and under each gradient path the same bits with every spiking layer on it."""
    model = network(name)
    images = inputs_for(name, 3)
    logits = scored(model, images)
    shape = {"quality": (3,), "reconstruction": tuple(images.shape)}.get(card(name).task, (3, 10))
    assert logits.shape == shape and logits.isfinite().all() and logits.unique(dim=0).shape == shape
    scored(model, images[:2].flip(3))
    assert torch.equal(scored(model, images).argmax(-1), logits.argmax(-1))
    # Untrained networks are large, and their layers those of the others: one path of each kind.
    for path in PATHS if is_ready(card(name)) else ("training", "assg", "bptr"):
        leaf = images.clone().requires_grad_()
        with resolve(PATHS, path, "path")().applied(model) as bound:
            outputs = scored(model, leaf)
        assert torch.equal(outputs, logits)
        assert (bound.layers > 0) == card(name).spiking
        (gradient,) = torch.autograd.grad(outputs.view(3, -1)[:, 0].sum(), leaf)
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


@pytest.mark.parametrize(
    "name", each([name for name in distinct() if card(name).spiking and card(name).task == "classification"])
)
def test_paths_differ_in_gradient_only(name: str) -> None:
    """What changes with the path is the gradient, and it is back to the model's own afterwards.

    The picture of a camera and its score are left out: a picture is a mean over the ticks, and its own gradient is that of
    the rate.
    """
    model = network(name)
    images = inputs_for(name, 2)

    def gradient(path: str) -> Tensor:
        leaf = images.clone().requires_grad_()
        with resolve(PATHS, path, "path")().applied(model):
            outputs = scored(model, leaf)
        return torch.autograd.grad(outputs[:, 0].sum(), leaf)[0]

    own, rate, again = (gradient(path) for path in ("training", "bptr", "training"))
    assert torch.equal(own, again) and not torch.equal(own, rate)

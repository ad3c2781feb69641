"""Weights are noticed wherever a network keeps them, and answers tell the same model from another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny import Linear
from torch import Tensor, nn

import zoo
from bench.models.fingerprint import draws_by_itself, hidden_sha256
from bench.models.opening import open_subject
from bench.models.probe import probe_images, same_answers


class Holder(nn.Module):
    """Keeps something in an attribute."""

    def __init__(self, kept: object) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, x: Tensor) -> Tensor:
        return x


def linear(value: float) -> nn.Linear:
    layer = nn.Linear(2, 2)
    nn.init.constant_(layer.weight, value)
    nn.init.constant_(layer.bias, value)
    return layer


def closure(value: float) -> Callable[[Tensor], Tensor]:
    weight = torch.full((2,), value)
    return lambda x: x * weight


class Session:
    """Of another library: keeps its weights where Python does not see them, and the name of their file."""

    def __init__(self, path: Path) -> None:
        self._model_path = str(path)


PLACES: list[Callable[[float], object]] = [
    lambda value: torch.full((2,), value),
    lambda value: np.full(2, value),
    lambda value: [nn.Flatten(), linear(value)],
    lambda value: {"a": {"b": (torch.full((2,), value),)}},
    lambda value: closure(value),
    lambda value: partial(torch.add, torch.full((2,), value)),
    lambda value: linear(value).forward,
    lambda value: bytes([int(value)]),
]


@pytest.mark.parametrize("place", PLACES)
def test_hidden_weights_are_seen(place: Callable[[float], object]) -> None:
    first, same, other = (hidden_sha256(Holder(place(value))) for value in (1.0, 1.0, 2.0))
    assert first is not None
    assert first == same != other


def test_files_that_an_attribute_names_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"1")
    first = hidden_sha256(Holder(Session(path)))
    path.write_bytes(b"2")
    assert hidden_sha256(Holder(Session(path))) != first


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_are_seen() -> None:
    def packed(value: float) -> str | None:
        layers = nn.Sequential(linear(value)).eval()
        return hidden_sha256(torch.ao.quantization.quantize_dynamic(layers, {nn.Linear}, dtype=torch.qint8))

    assert packed(1.0) is not None
    assert packed(1.0) == packed(1.0) != packed(2.0)


def test_what_is_registered_is_not_hidden() -> None:
    assert hidden_sha256(Linear()) is None
    assert hidden_sha256(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.LSTM(2, 2))) is None
    assert hidden_sha256(Holder({"steps": 3, "name": "net", "f": len})) is None
    assert hidden_sha256(zoo.load("snn_vanilla")) is None


def test_a_cycle_ends() -> None:
    module = Holder(None)
    module.kept = {"self": module, "w": torch.ones(1)}
    assert hidden_sha256(module) is not None


def test_generators_of_its_own() -> None:
    assert draws_by_itself(Holder(torch.Generator()))
    assert draws_by_itself(Holder([np.random.default_rng(0)]))
    assert not draws_by_itself(Linear())


def test_the_identity_of_the_zoo_is_what_its_cards_say() -> None:
    assert set(open_subject("zoo:snn_vanilla").fingerprint) == {
        "name",
        "version",
        "builder",
        "dataset",
        "spiking",
        "stochastic",
        "weights",
    }


def answers(model: nn.Module, shape: tuple[int, ...], dtype: Any = torch.float32) -> list[list[float]]:
    with torch.no_grad():
        rows: list[list[float]] = model.to(dtype)(probe_images(shape).to(dtype)).tolist()
    return rows


@pytest.mark.parametrize("name", ["snn_vanilla", "ann_vanilla", "snn_at"])
def test_answers_survive_rounding_and_tell_models_apart(name: str) -> None:
    """float64 differs from float32 by as much as float32 on another processor does."""
    shape = (3, 32, 32)
    own = answers(zoo.load(name), shape)
    assert same_answers(own, answers(zoo.load(name), shape, torch.float64))
    for other in ("snn_vanilla", "ann_vanilla", "snn_at", "snn_gsr"):
        if other != name:
            assert not same_answers(own, answers(zoo.load(other), shape))


def test_answers_of_another_form_are_others() -> None:
    rows = [[0.0, 1.0], [2.0, 3.0]]
    assert same_answers(rows, rows)
    assert same_answers([], rows)
    assert not same_answers(rows, [[0.0], [2.0]])
    assert not same_answers(rows, [[1.0, 0.0], [3.0, 2.0]])

"""Attacks ask and verdicts are made in float32 without TF32, also where a GPU would round by default."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from attacks.model_oracle import ModelOracle
from bench.models.scorer import Scorer
from bench.tasks.record import Record
from zoo.architectures.compact import Compact
from zoo.canonical.layers import CanonicalConv

N = 12


def network() -> nn.Module:
    torch.manual_seed(0)
    return Compact(steps=2, neuron={"decay": 0.9, "threshold": 0.1}, widths=(8, 8, 8, 8)).eval().requires_grad_(False)


def evaluated(**options: Any) -> Record:
    model = network()
    images = torch.rand(N, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        labels = model(images).argmax(1)
    return bench.evaluate(model, data=(images, labels), eps="8/255", **{"attack": "pgd:steps=3", **options})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[bool, torch.dtype]]]:
    """Whether each call of the scorer, and of an attack, was in reduced precision, and the dtype of its answer."""
    seen: dict[str, list[tuple[bool, torch.dtype]]] = {"verdict": [], "proposal": []}
    score, propose = Scorer._called, ModelOracle.outputs
    place: list[str] = []

    def watch(layers: type[nn.Module]) -> None:
        convolve = layers.forward

        def convolving(layer: nn.Module, x: Tensor) -> Tensor:
            output: Tensor = convolve(layer, x)
            if place:
                tf32 = torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32
                seen[place[-1]].append((tf32, output.dtype))
            return output

        monkeypatch.setattr(layers, "forward", convolving)

    def scoring(scorer: Scorer, x: Tensor) -> object:
        place.append("verdict")
        try:
            return score(scorer, x)
        finally:
            place.pop()

    def proposing(oracle: ModelOracle, x: Tensor, rows: Tensor) -> Tensor:
        place.append("proposal")
        try:
            return propose(oracle, x, rows)
        finally:
            place.pop()

    for layers in (nn.Conv2d, CanonicalConv):
        watch(layers)
    monkeypatch.setattr(Scorer, "_called", scoring)
    monkeypatch.setattr(ModelOracle, "outputs", proposing)
    return seen


@pytest.mark.parametrize("path", ["training", "assg", "pdsg", "hart", "bptr", "rga", "bptt:surrogate=sigmoid"])
def test_attacks_and_verdicts_compute_in_full_precision(path: str, calls: dict[str, list[tuple[bool, torch.dtype]]]) -> None:
    record = evaluated(path=path)
    assert set(calls["verdict"]) == set(calls["proposal"]) == {(False, torch.float32)}
    assert (record.rows["status"] == "ok").all()

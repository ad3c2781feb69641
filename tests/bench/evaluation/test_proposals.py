"""Attacks may ask in half precision; verdicts are made in float32 without TF32, and stay what they are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import bench
from attacks.model_oracle import ModelOracle
from bench.foundation.errors import SpecError
from bench.models.scorer import Scorer
from bench.tasks.record import Record
from zoo.architectures.compact import Compact
from zoo.canonical.layers import CanonicalConv

N = 12
JUDGED = ["clean_correct", "clean_pred", "noise_1", "noise_k"]


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
    seen: dict[str, list[tuple[bool, torch.dtype]]] = {"verdict": [], "proposal": [], "check of the gradient": []}
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
        place.append("check of the gradient" if oracle.precision is None else "proposal")
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
def test_every_path_asks_in_half_precision_and_no_verdict_is_made_in_it(
    path: str, calls: dict[str, list[tuple[bool, torch.dtype]]]
) -> None:
    record = evaluated(proposals="bfloat16", path=path)
    assert {dtype for _, dtype in calls["proposal"]} == {torch.bfloat16}
    assert set(calls["verdict"]) == {(False, torch.float32)}
    assert record.settings["proposals"] == "bfloat16"
    assert (record.rows["status"] == "ok").all()


def test_what_no_attack_decides_has_the_same_bits() -> None:
    half, full = (evaluated(proposals=precision).rows for precision in ("bfloat16", "float32"))
    pd.testing.assert_frame_equal(half[JUDGED], full[JUDGED])
    assert set(half["adv_sha256"]) != set(full["adv_sha256"])


def test_the_same_images_get_the_same_verdicts() -> None:
    """A walk without steps returns its random start, whatever the model answers: nothing of a row then differs."""
    attack = "pgd:steps=0,keep=last"
    half, full = (evaluated(proposals=precision, attack=attack).rows for precision in ("bfloat16", "float32"))
    pd.testing.assert_frame_equal(half, full)


def test_full_precision_is_not_named_and_keeps_the_identity_of_earlier_records() -> None:
    record = evaluated()
    assert "proposals" not in record.settings
    assert record.identity != evaluated(proposals="bfloat16").identity


def test_another_precision_is_refused() -> None:
    with pytest.raises(SpecError, match="int8"):
        evaluated(proposals="int8")

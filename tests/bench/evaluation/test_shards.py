"""How many samples a unit takes and how many rows a query, on a CPU and on a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import bench
from attacks.model_oracle import ModelOracle
from bench.data.base import Samples, own_samples
from bench.evaluation.request import shards
from bench.evaluation.request.shards import Portions, portions_for, portions_of
from bench.models.opening import open_subject
from zoo.architectures.compact import Compact
from zoo.architectures.vgg import vgg

CPU = torch.device("cpu")
IMAGE = shards.COPIES * 4 * 3 * 32 * 32
VGG11 = 16_252_928
"""Bytes of two floats per neuron of VGG-11 and each of 8 steps."""
GIB = 2**30


def images(n: int) -> Samples:
    return own_samples((torch.rand(n, 3, 32, 32), torch.zeros(n, dtype=torch.int64)))


def test_a_compact_network_gets_whole_shards_and_whole_micro_batches() -> None:
    subject = open_subject("zoo:snn_vanilla")
    portions = portions_of(subject, images(2), CPU)
    assert portions.shard == shards.MOST_ROWS
    assert portions.query >= 64


def test_the_state_of_every_neuron_and_step_is_counted() -> None:
    network = vgg(plan="vgg11", steps=8, neuron={}).eval()
    assert shards.state_of(network, images(1), CPU) == VGG11


def test_a_large_network_gets_what_fits() -> None:
    assert portions_for(IMAGE, VGG11) == Portions(33, 16)
    assert portions_for(IMAGE, 2 * GIB) == Portions(1, 1)
    assert portions_for(shards.COPIES * 4 * 3 * 384 * 512, 0).shard == 56


def test_an_80_gb_gpu_takes_two_thousand_rows_of_a_compact_network() -> None:
    assert portions_for(IMAGE, 770_048, 80 * GIB) == Portions(2048, 2048)


@pytest.mark.parametrize("gib", [16, 40, 80, 140])
def test_a_gpu_takes_thousands_of_rows_where_its_memory_allows(gib: int) -> None:
    large = portions_for(IMAGE, VGG11, gib * GIB)
    assert large.shard * VGG11 <= gib * GIB / shards.SHARE_OF_GPU
    assert large.query * VGG11 <= gib * GIB / shards.SHARE_OF_GPU
    assert large.shard > portions_for(IMAGE, VGG11).shard
    photos = portions_for(shards.COPIES * 4 * 3 * 384 * 512, 0, gib * GIB)
    assert 1 <= photos.query < 64


def test_an_attack_asks_for_no_more_rows_than_a_query_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second batch size of a verdict stays what it is."""
    asked: list[int] = []
    ask = ModelOracle.outputs

    def outputs(oracle: ModelOracle, x: Tensor, rows: Tensor) -> Tensor:
        asked.append(len(x))
        return ask(oracle, x, rows)

    monkeypatch.setattr(ModelOracle, "outputs", outputs)
    network = Compact(steps=1, neuron={}, widths=(4, 4, 4, 4)).eval()
    state = shards.state_of(network, images(1), CPU)
    monkeypatch.setattr(shards, "QUERY_BUDGET", 5 * state)
    x = torch.rand(12, 3, 32, 32)
    with torch.no_grad():
        labels = network(x).argmax(1)
    record = bench.evaluate(network, data=(x, labels), attack="pgd:steps=1", eps="1/255")
    assert max(asked) <= 5 < len(asked) * 5
    assert record.machine["micro_batch"] == 64
    asked.clear()
    bench.evaluate(network, data=(x, labels), attack="pgd:steps=1", eps="1/255", micro_batch=12)
    assert max(asked) > 5

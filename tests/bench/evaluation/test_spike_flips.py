"""From a recording to flipped bits: planes of a simulated camera, a spiking network on them, and an attack on the stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import bench
from attacks.randomness import KeyedRng, drawing
from zoo.cameras.networks import OnSpikePlanes
from zoo.cameras.spike_camera import SpikeCamera


class OnStream(nn.Module):
    """Planes ``(N, T, 1, H, W)`` to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.network = OnSpikePlanes(neuron={"threshold": 0.1}, channels=1, classes=3, widths=(4, 4, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x.transpose(0, 1))
        return logits


def test_bits_of_the_stream_are_flipped_within_the_budget() -> None:
    torch.manual_seed(0)
    model = OnStream().eval().requires_grad_(False)
    scenes = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with drawing(KeyedRng.of(0, torch.arange(8))):
        planes = SpikeCamera(ticks=6, gain=0.8)(scenes).transpose(0, 1).contiguous()
    record = bench.evaluate(model, data=(planes, model(planes).argmax(1)), attack="topk", norm="spike_flips", eps="3,5%")
    rows = record.rows
    assert set(rows["status"]) == {"ok"} and record.norm == "spike_flips"
    three = rows[rows["eps_text"] == "3"]
    assert bool((three["norm_value"] <= 3).all()) and float(three["norm_value"].max()) == 3
    spikes = planes.flatten(1).sum(1).numpy()
    many = rows[rows["eps_text"] == "5%"]
    assert bool((many["norm_value"] <= 0.05 * spikes[many["sample"]]).all())
    assert float(many["norm_value"].max()) > 3
    robust = {cell.eps_text: cell.robust.value for cell in record.results}
    assert robust["5%"] <= robust["3"] <= 1

"""(f) A spike camera: CPU time of one thread for 1,000 scenes of 32 x 32 x 3 over 64 ticks, with all its noise.

Drawing in compiled loops against drawing in torch operations, on the same streams. And what an attack pays for one step: a
forward and a gradient of the scene. Then the way back: a second of a camera of 250 x 400 pixels at 40 kHz, 500 MB on disk,
into TFP pictures of windows that hold each plane once.
"""

from __future__ import annotations

from side_by_side import in_turns, say  # isort: skip

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from attacks.randomness import KeyedRng, drawing
from bench.data.spikecam.geometry import geometry_of
from bench.data.spikecam.playing import tfp_pictures
from bench.data.spikecam.stream import SpikeStream
from bench.data.spikecam.writer import write_recording
from bench.foundation.memory import keep_freed_memory
from zoo.cameras import kernels
from zoo.cameras.spike_camera import SpikeCamera

SCENES, BATCH, TICKS, BAR = 1000, 50, 64, 2.0
PLANES, HEIGHT, WIDTH, HALF, PLAYED_BAR = 40_000, 250, 400, 16, 100
"""Of the recording; of a window on each side; megabytes a second that are to be reached."""
CAMERA = SpikeCamera(ticks=TICKS, gain=0.8, dark=0.01, photons=100.0, spurious=0.007, jitter=0.02, seed=2019)


def simulate(x: Tensor) -> Tensor:
    """Spikes of a batch."""
    with torch.no_grad(), drawing(KeyedRng.of(0, torch.arange(len(x)))):
        spikes: Tensor = CAMERA(x)
    return spikes


def step(x: Tensor) -> Tensor:
    """The gradient of the number of spikes."""
    leaf = x.clone().requires_grad_()
    with drawing(KeyedRng.of(0, torch.arange(len(x)))):
        (gradient,) = torch.autograd.grad(CAMERA(leaf).sum(), leaf)
    return gradient


def in_torch(x: Tensor) -> Tensor:
    """:func:`simulate` without compiled loops."""
    with patch.object(kernels, "usable", lambda scene: False):
        return simulate(x)


def recorded(folder: Path) -> SpikeStream:
    """A recording of random spikes, one tick in four; 200 planes over and over, as packing takes longer than playing."""
    path, planes = folder / "spikes.dat", np.random.default_rng(0).random((200, HEIGHT, WIDTH)) < 0.25
    write_recording(path, [planes], geometry_of(HEIGHT, WIDTH))
    block = path.read_bytes()
    with path.open("ab") as file:
        for _ in range(PLANES // len(planes) - 1):
            file.write(block)
    return SpikeStream.open(path)


def play(stream: SpikeStream) -> int:
    """All pictures, one after another; their number."""
    return sum(1 for _ in tfp_pictures(stream, HALF, 2 * HALF + 1))


if __name__ == "__main__":
    keep_freed_memory()
    torch.set_num_threads(1)
    batch = torch.rand(BATCH, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tasks = {"loops": lambda: simulate(batch), "loops, with gradient": lambda: step(batch)}
    times = {name: SCENES / BATCH * seconds for name, seconds in in_turns(tasks, rounds=5).items()}
    few = batch[:5]
    times |= {name: SCENES / 5 * seconds for name, seconds in in_turns({"torch": lambda: in_torch(few)}, rounds=2).items()}
    say(f"(f) spike camera: {SCENES:,} scenes x {TICKS} ticks; bar: {BAR} s")
    for name, seconds in times.items():
        say(f"    {name:22} {seconds:6.2f} s")
    with TemporaryDirectory() as folder:
        stream = recorded(Path(folder))
        seconds = in_turns({"playback": lambda: play(stream)}, rounds=3)["playback"]
        speed = stream.file.size / 1e6 / seconds
    say(f"    {'TFP playback':22} {speed:6.0f} MB/s of {PLANES:,} planes of {HEIGHT} x {WIDTH}; bar: {PLAYED_BAR} MB/s")

"""Recordings of scenes, made by the spike camera of the zoo in blocks of ticks, so that memory is bounded.

Scenes follow one another on one sensor: what a pixel holds at the end of a scene is there at the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from attacks.randomness import KeyedRng, drawing
from bench.data.spikecam.packed import Planes
from zoo.cameras.spike_camera import SpikeCamera

AT_ONCE = 2**22
"""Pixels times ticks of a block."""


@torch.no_grad()
def simulated(scenes: Iterable[Tensor], *, ticks: int, seed: int = 0, **camera: Any) -> Iterator[Planes]:
    """Blocks of planes (t, H, W), bool, of scenes (H, W) in [0, 1] that are shown for ``ticks`` ticks each.

    camera: keyword arguments of :class:`~zoo.cameras.spike_camera.SpikeCamera`, without ticks, reset and initial charge:
    the threshold is subtracted, and the first charge is drawn. seed: of all draws. Raises ``ValueError`` for numbers that
    are none, and for scenes of different sizes.
    """
    rng = KeyedRng.of(seed, torch.zeros(1, dtype=torch.int64))
    held: Tensor | None = None
    for number, scene in enumerate(scenes):
        if held is None:
            threshold = SpikeCamera(ticks=1, **camera).pixels.dynamics.threshold
            held = rng.fold("initial charge").uniform(1, *scene.shape) * threshold
        if scene.shape != held.shape[2:]:
            sizes = (tuple(scene.shape), tuple(held.shape[2:]))
            raise ValueError(f"scene {number} is {sizes[0]}, the first one {sizes[1]}")
        block = max(1, AT_ONCE // scene.numel())
        for start in range(0, ticks, block):
            part = SpikeCamera(ticks=min(block, ticks - start), initial=0.0, **camera)
            with drawing(rng.fold("scene", number, start)):
                planes, held = part.going_on(scene[None, None], held)
            yield planes[:, 0, 0].bool().numpy()

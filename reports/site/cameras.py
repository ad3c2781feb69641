"""What a spike camera made of the scenes of a gallery, as the strip of a board keeps it.

A tile is the scene, below it the picture that the camera's spikes were turned into, and below that the spike planes of all
ticks: from the strip alone a page can show them, without the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.boards.strip import Tile
from zoo.card import card, names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.boards.store import Entry
    from bench.boards.strip import Pixels
    from reports.picks import Pick
    from zoo.cameras.networks import Reconstructor, ThroughPictures, ThroughSpikes

    Camera = Reconstructor | ThroughPictures | ThroughSpikes


@dataclass(frozen=True)
class Film:
    """scene, reconstruction: ``(H, W, 3)``, 8 bits; spikes: ``(T, H, W, 3)``, whether a pixel fired."""

    scene: Pixels
    reconstruction: Pixels
    spikes: NDArray[np.bool_]


def camera_of(entry: Entry) -> Camera | None:
    """The model of an entry if it is one of the zoo behind a camera; code of others is not run for a picture."""
    if entry.card.kind != "zoo" or entry.card.name not in names() or not card(entry.card.name).behind_camera:
        return None
    import bench
    from zoo.cameras.networks import Reconstructor, ThroughPictures, ThroughSpikes

    model = bench.load(entry.card.name)
    return model if isinstance(model, Reconstructor | ThroughPictures | ThroughSpikes) else None


def filmed(model: Camera, pick: Pick) -> Tile:
    """The scene of a pick before and after the attack through the camera, in the same draw of its noise."""
    return Tile(_rolled(model, pick.clean, pick.sample), _rolled(model, pick.adversarial, pick.sample))


def _rolled(model: Camera, scene: NDArray[np.float32], sample: int) -> Pixels:
    import torch

    from attacks.randomness import KeyedRng, drawing
    from zoo.cameras.networks import ThroughSpikes
    from zoo.cameras.reconstruction import TFP

    # A network that sees spikes alone has no reconstruction; TFP stands in for it.
    usual = TFP(scale=model.camera.intensity_of_rate)
    reconstruction = usual if isinstance(model, ThroughSpikes) else model.reconstruction
    x = torch.from_numpy(scene).permute(2, 0, 1)[None]
    with torch.no_grad(), drawing(KeyedRng.of(0, torch.tensor([sample])).fold("picture")):
        spikes = model.camera(x)
        parts = torch.cat([x, reconstruction(spikes).clamp(0, 1), spikes[:, 0]]).movedim(1, -1).numpy()
    levels: Pixels = np.rint(parts * 255).astype(np.uint8)
    levels = levels.repeat(3, axis=3) if levels.shape[3] == 1 else levels
    return levels.reshape(-1, *levels.shape[2:])


def unrolled(pixels: Pixels, ticks: int) -> Film:
    """The parts of one image of a tile. Raises ``ValueError`` for an image that is not of so many ticks."""
    if ticks < 1 or len(pixels) % (ticks + 2):
        raise ValueError(f"an image {len(pixels)} pixels high is no film of {ticks} ticks")
    parts = pixels.reshape(ticks + 2, -1, *pixels.shape[1:])
    return Film(parts[0], parts[1], parts[2:] > 127)

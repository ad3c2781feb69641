"""What an attack does to what a spike camera sees: scene, spikes and reconstruction, before and after.

``python -m reports.camera_pictures RECORD --out FILE.png`` takes the folder of a record that ``bench evaluate --save-adv``
has made of a camera of the zoo. Both scenes meet the same draw of the camera's noise, so that only the attack differs. Below
each reconstruction stands how near it is to its own scene, and after the attack also how near it is to the one before.
``--film FILE.png`` writes the streams as an animation, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import nn

import bench
from attacks.randomness import KeyedRng, drawing
from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_write_bytes
from reports.camera_film import Picture, View, film
from reports.exit_status import end_with
from reports.picks import Pick, choose
from reports.plots import save
from zoo.cameras.fidelity import psnr, ssim
from zoo.cameras.networks import Reconstructor, ThroughPictures, ThroughSpikes
from zoo.cameras.reconstruction import TFP

CELL = 1.6
"""Inches per picture."""


def view(model: nn.Module, scene: Picture, sample: int) -> View:
    """What the camera of ``model`` makes of a scene ``(H, W, C)`` in the draw that belongs to ``sample``.

    A network that sees spikes alone has no reconstruction; TFP stands in for it. Raises ``RecordError`` for a model without
    a camera.
    """
    if not isinstance(model, Reconstructor | ThroughPictures | ThroughSpikes):
        raise RecordError("The model of the record has no spike camera.", "Name a record of a model called cam_.")
    usual = TFP(scale=model.camera.intensity_of_rate)
    reconstruction = usual if isinstance(model, ThroughSpikes) else model.reconstruction
    x = torch.from_numpy(scene).permute(2, 0, 1)[None]
    with torch.no_grad(), drawing(KeyedRng.of(0, torch.tensor([sample])).fold("picture")):
        spikes = model.camera(x)
        picture = reconstruction(spikes).clamp(0, 1)
        nearness = float(psnr(picture, x)), float(ssim(picture, x))
    planes = (1 - spikes[:, 0]).movedim(1, -1)
    return View(scene, planes.numpy(), picture[0].movedim(0, -1).numpy(), *nearness)


def nearness(picture: Picture, reference: Picture) -> tuple[float, float]:
    """PSNR in dB and SSIM of a picture ``(H, W, C)`` with another one as its reference; infinite PSNR for equal ones."""
    x, y = (torch.from_numpy(each).permute(2, 0, 1)[None] for each in (picture, reference))
    return float(psnr(x, y)), float(ssim(x, y))


def sheet(model: nn.Module, picks: Sequence[Pick], title: str) -> Figure:
    """Two columns per sample, before and after the attack. Raises ``RecordError`` as :func:`view`, and for no sample."""
    if not picks:
        raise RecordError("There is nothing to show.", "Ask for at least one sample (--count).")
    figure = Figure(figsize=(2 * CELL * len(picks) + 1.1, 3 * CELL + 1.3), layout="constrained")
    axes = figure.subplots(3, 2 * len(picks), squeeze=False)
    for number, pick in enumerate(picks):
        views = [view(model, scene, pick.sample) for scene in (pick.clean, pick.adversarial)]
        for column, (seen, answer) in enumerate(zip(views, (pick.before, pick.after), strict=True)):
            for row, picture in enumerate((seen.scene, seen.raster, seen.reconstruction)):
                axis = axes[row, 2 * number + column]
                axis.imshow(picture.repeat(3, axis=2) if picture.shape[2] == 1 else picture, interpolation="nearest")
                axis.set(xticks=[], yticks=[])
            label = f"{seen.psnr:.1f} dB, SSIM {seen.ssim:.2f}"
            if column:
                to_before = nearness(seen.reconstruction, views[0].reconstruction)
                label += f"\nto the one before: {to_before[0]:.1f} dB, {to_before[1]:.2f}"
            axes[2, 2 * number + column].set_xlabel(label, fontsize="x-small")
            axes[0, 2 * number + column].set_title(answer if column else f"sample {pick.sample}\n{answer}", fontsize="small")
    for row, name in enumerate(("scene", "spikes of a line", "reconstruction")):
        axes[row, 0].set_ylabel(name, fontsize="small")
    figure.suptitle(title, fontsize="medium", wrap=True)
    figure.supxlabel("of each sample: before the attack, and after it", fontsize="small")
    return figure


def main() -> int:
    """Draw the picture of a record."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("record", type=Path, help="folder of a record with saved images")
    options.add_argument("--out", type=Path, required=True, help="where the picture goes (.png)")
    options.add_argument("--film", type=Path, help="where an animation of the streams goes (.png, an APNG)")
    options.add_argument("--count", type=int, default=2, help="samples that fell, and as many that stand")
    given = options.parse_args()
    record = bench.read_record(given.record)
    picks = choose(record, given.record, count=given.count)
    name = record.model.ref.removeprefix("zoo:")
    model = bench.load(name)
    save(sheet(model, picks, f"{name} under {record.attacks[0].spec}"), given.out)
    if given.film:
        views = [[view(model, scene, pick.sample) for scene in (pick.clean, pick.adversarial)] for pick in picks]
        atomic_write_bytes(given.film, film(views))
    return 0


if __name__ == "__main__":
    end_with(main)

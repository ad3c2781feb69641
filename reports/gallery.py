"""A contact sheet of adversarial images: clean, adversarial, the difference amplified, and the model's answer to each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.errors import RecordError
from reports.paper_style import GREEN, ORANGE
from reports.picks import Pick
from reports.plots import without_mathematics

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

CELL = 1.6
"""Inches per image."""
STRIP_SIDE, STRIP_GAP = 64, 2
"""Pixels of an image of a strip, and between images."""


def amplified(picks: Sequence[Pick]) -> tuple[list[NDArray[np.float32]], float]:
    """Differences around mid-grey, (H, W, C) each in [0, 1], and the factor: the largest of all reaches black or white."""
    largest = max(float(np.abs(pick.adversarial - pick.clean).max()) for pick in picks)
    factor = 0.5 / largest if largest > 0 else 1.0
    return [np.clip(0.5 + factor * (pick.adversarial - pick.clean), 0, 1) for pick in picks], factor


def contact_sheet(picks: Sequence[Pick], title: str) -> Figure:
    """One column per image, the worst images left of the best. Raises ``RecordError`` if there is no image."""
    from matplotlib.figure import Figure

    if not picks:
        raise RecordError("There is nothing to show.", "Ask for at least one image (--count).")
    differences, factor = amplified(picks)
    columns = len(picks)
    figure = Figure(figsize=(max(CELL * columns + 1.1, 5.0), 3 * CELL + 1.9), layout="constrained")
    axes = figure.subplots(3, columns, squeeze=False)
    for column, (pick, difference) in enumerate(zip(picks, differences, strict=True)):
        for row, image in enumerate((pick.clean, pick.adversarial, difference)):
            axis = axes[row, column]
            rgb = image.repeat(3, axis=2) if image.shape[2] == 1 else image
            axis.imshow(rgb, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            for side in axis.spines.values():
                side.set_color(ORANGE if pick.moved else GREEN)
        axes[0, column].set_title(f"sample {pick.sample}\n{without_mathematics(pick.before)}", fontsize="small")
        verb = "still" if pick.after == pick.before else "to"
        axes[1, column].set_title(f"{verb} {without_mathematics(pick.after)}", fontsize="small")
    for row, name in enumerate(("clean", "adversarial", f"difference x {factor:.3g}")):
        axes[row, 0].set_ylabel(name, fontsize="small")
    worst = sum(pick.moved for pick in picks)
    figure.suptitle(without_mathematics(title), fontsize="medium", wrap=True)
    figure.supxlabel(f"{worst} worst (orange), {columns - worst} best (green)", fontsize="small")
    return figure


def strip(picks: Sequence[Pick], *, side: int = STRIP_SIDE) -> bytes:
    """A small PNG for a model's page: clean images above, adversarial ones below, ``side`` pixels each.

    Raises ``RecordError`` if there is no image.
    """
    from PIL import Image

    if not picks:
        raise RecordError("There is nothing to show.", "Choose at least one image.")
    step = side + STRIP_GAP
    canvas = Image.new("RGB", (step * len(picks) - STRIP_GAP, 2 * step - STRIP_GAP), "white")
    for column, pick in enumerate(picks):
        for row, image in enumerate((pick.clean, pick.adversarial)):
            pixels = np.rint(image * 255).astype(np.uint8)
            pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
            # Small images are enlarged without smoothing; large ones are averaged.
            resampling = Image.Resampling.NEAREST if max(pixels.shape[:2]) <= side else Image.Resampling.LANCZOS
            canvas.paste(Image.fromarray(pixels).resize((side, side), resampling), (column * step, row * step))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

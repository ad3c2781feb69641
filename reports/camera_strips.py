"""What a spike camera sees before and after an attack on the scene, in the width of a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.tasks.record import Record
from reports.paper_style import PAGE, in_paper_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Scene, spikes of the middle line of pixels (time runs down) and reconstruction, of each sample before and after "
    "the attack, through the same draw of the camera's noise. Samples that the attack broke or spoilt most come first, then "
    "one that stands or was spoilt least."
)


def is_of_a_camera(record: Record) -> bool:
    """Whether the record is of a camera of the zoo that decides or reconstructs."""
    return record.model.ref.startswith("zoo:cam_") and record.task in ("classification", "reconstruction")


@in_paper_style
def camera_strips(record: Record, folder: Path, eps_text: str, *, width: float = PAGE) -> Figure:
    """One sample that fell and one that stands, where there are such. folder: of the record. width: at most so many inches.

    Raises ``RecordError`` if the images were not saved.
    """
    import bench
    from reports.camera_pictures import sheet
    from reports.picks import choose

    picks = choose(record, folder, eps_text=eps_text, count=1)
    figure = sheet(bench.load(record.model.ref.removeprefix("zoo:")), picks, "")
    wide, high = figure.get_size_inches()
    scale = min(width / wide, 1.0)
    figure.set_size_inches(scale * wide, scale * high)
    return figure

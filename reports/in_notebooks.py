"""Figures in a notebook: an object that a notebook shows as a vector picture, without a plotting backend."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shown:
    """A figure as the last value of a cell; ``reports.plots.save`` writes it to a file."""

    figure: Figure

    def _repr_svg_(self) -> str:
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

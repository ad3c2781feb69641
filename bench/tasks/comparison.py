"""Paired differences between two records, figure by figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.metrics.statistics import PairedDifference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bench.tasks.summary import Line


@dataclass(frozen=True)
class Comparison:
    """Figure of the first record minus that of the second, paired on their common samples.

    what: ``clean``, ``noise`` or an attack's spec. eps_text: radius, empty for ``clean``. The figure is an accuracy; of
    models that score it is the mean |shift| under noise and attacks, and the rank correlation with the labels if clean.
    """

    what: str
    eps_text: str
    first: float
    second: float
    difference: PairedDifference


class Comparisons(list[Comparison]):
    """All paired differences of two records. figure: its name. form, signed: formats of the figure and of a difference."""

    def __init__(self, comparisons: Iterable[Comparison], *, figure: str, form: str, signed: str) -> None:
        super().__init__(comparisons)
        self.figure, self.form, self.signed = figure, form, signed

    @property
    def lines(self) -> list[Line]:
        """As rows of a table."""
        return [
            {
                self.figure: comparison.what,
                "eps": comparison.eps_text,
                "first": f"{comparison.first:{self.form}}",
                "second": f"{comparison.second:{self.form}}",
                "difference": f"{comparison.difference.value:{self.signed}}",
                "95% interval": f"[{comparison.difference.low:{self.signed}}, {comparison.difference.high:{self.signed}}]",
            }
            for comparison in self
        ]

    def _repr_html_(self) -> str:
        """A table, for a notebook."""
        from bench.tasks.notebook import table_html

        samples = f", {self[0].difference.n} samples" if self else ""
        return table_html(self.lines, title=f"first minus second{samples}")

    def plot(self) -> Figure:
        """A figure of matplotlib: every difference with its interval."""
        from bench.tasks.plotting import comparison_picture

        return comparison_picture(self)

"""Figures from records. Colours are Okabe and Ito's, which colour-blind readers can distinguish; markers differ as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.errors import RecordError
from bench.foundation.escaping import one_line
from bench.foundation.files import atomic_path
from bench.foundation.threats import threat_registry
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = "osD^vPX*"
SIZE = (7.2, 4.4)
"""Inches: two columns of a printed page."""


def last_cells(record: Record) -> list[Cell]:
    """The strongest result per radius, which is the last cell there; by ascending radius."""
    strongest = {cell.eps: cell for cell in record.cells}
    return [strongest[eps] for eps in sorted(strongest)]


def heading(records: Sequence[Record]) -> str:
    """The common properties of the records, for a title: board and version if there is one, data, threat, attacks."""
    first = records[0]
    board = f"{first.protocol.board} v{first.protocol.version}: " if first.protocol else ""
    attacks = ", ".join(dict.fromkeys(attack.spec for attack in first.attacks))
    return f"{board}{first.data.name}, {first.data.n} {first.data.split} images, {first.threat}, {attacks}"


def label(record: Record) -> str:
    """A model's name in a legend."""
    return one_line(record.model.ref.removeprefix("zoo:")).replace("$", r"\$")  # no mathematics


def labels(records: Sequence[Record]) -> list[str]:
    """Distinct names of the records: those of one model are followed by the start of their identity."""
    names = [label(record) for record in records]
    return [
        f"{name} ({record.identity[:6]})" if names.count(name) > 1 else name
        for name, record in zip(names, records, strict=True)
    ]


COMMON: dict[str, Callable[[Record], str]] = {
    "kinds of model": lambda record: record.task,
    "data": lambda record: f"{record.data.name} ({record.data.split})",
    "threats": lambda record: record.threat,
    "attacks": lambda record: " and ".join(attack.spec for attack in record.attacks),
    "protocols": lambda record: str(record.protocol and f"{record.protocol.board} v{record.protocol.version}"),
}
"""Properties that all records of one figure or table must share, because its title states them once."""


def check_comparable(records: Sequence[Record], *, samples: bool = True) -> None:
    """Raise ``RecordError``, naming the difference, if records may not share a figure.

    samples: whether they must also be of the very same samples, whose number is in the title.
    """
    if not records:
        raise RecordError("There is nothing to draw.", "Name at least one record.")
    for what, common_value in COMMON.items():
        if len(values := dict.fromkeys(map(common_value, records))) > 1:
            raise RecordError(f"The records are of different {what}: {'; '.join(values)}.", "Show them separately.")
    if samples and len({record.data.sha256 for record in records}) > 1:
        sizes = ", ".join(str(n) for n in sorted({record.data.n for record in records}))
        raise RecordError(f"The records are of different samples ({sizes} of them).", "Evaluate with the same --n.")


def accuracy_curves(records: Sequence[Record]) -> Figure:
    """Accuracy against radius, one colour per model: solid under attack, with its 95% band; dashed under random noise.

    Raises ``RecordError`` if the records are not comparable.
    """
    from matplotlib.figure import Figure

    check_comparable(records)
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for number, (record, name) in enumerate(zip(records, labels(records), strict=True)):
        _draw_curve(axes, record, name, COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)])
    first = records[0]
    threat = threat_registry.get(first.norm)
    axes.set(
        xlabel=f"radius ({threat.display_unit or threat.name})",
        ylabel="accuracy (%)",
        title=heading(records),
        ylim=(0, 100),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", title="solid: attack (95% band); dashed: random noise", title_fontsize="x-small")
    return figure


def _draw_curve(axes: Axes, record: Record, name: str, colour: str, marker: str) -> None:
    cells = last_cells(record)
    scale = threat_registry.get(record.norm).display_scale
    radii, clean = [0.0] + [cell.eps * scale for cell in cells], cells[0].clean

    def percent(values: list[float]) -> list[float]:
        return [100 * value for value in values]

    robust = percent([clean.value] + [cell.robust.value for cell in cells])
    low, high = (percent([getattr(clean, end)] + [getattr(cell.robust, end) for cell in cells]) for end in ("low", "high"))
    axes.plot(radii, robust, color=colour, marker=marker, markersize=5, label=name)
    axes.fill_between(radii, low, high, color=colour, alpha=0.15, linewidth=0)
    noise = percent([clean.value] + [cell.noise.value for cell in cells])
    axes.plot(radii, noise, color=colour, linestyle="--", linewidth=1, alpha=0.8)


def save(figure: Figure, path: Path) -> None:
    """Write a figure atomically and without a timestamp; the ending of ``path`` (PNG or SVG) is the format."""
    import matplotlib

    ending = path.suffix.removeprefix(".")
    metadata = {"Date": None} if ending == "svg" else {"Software": ""}
    with matplotlib.rc_context({"svg.hashsalt": path.stem}), atomic_path(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=130, metadata=metadata)

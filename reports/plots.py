"""What all figures share: which records may be drawn together, what they are called, and how a figure is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.foundation.errors import RecordError
from bench.foundation.escaping import one_line
from bench.foundation.files import atomic_path
from bench.tasks.classification.results import Cell
from bench.tasks.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMELESS: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
    "png": {"Software": ""},
}
"""Metadata by format, without times, so that the same figure is the same file."""
RESOLUTION = 300
"""Pixels per inch of a PNG."""


def last_cells(record: Record) -> list[Cell]:
    """The strongest result per radius, which is the last cell there; by ascending radius."""
    strongest = {cell.eps: cell for cell in record.cells}
    return [strongest[eps] for eps in sorted(strongest)]


def last_cell(record: Record, eps_text: str) -> Cell:
    """The strongest result at a radius. Raises ``RecordError`` if there is none."""
    for cell in last_cells(record):
        if cell.eps_text == eps_text:
            return cell
    raise RecordError(f"{label(record)} has no result at {eps_text}.", "Draw a radius that all records share.")


def heading(records: Sequence[Record]) -> str:
    """The common properties of the records, for a caption: board and version if there is one, data, threat, attacks."""
    first = records[0]
    board = f"{first.protocol.board} v{first.protocol.version}: " if first.protocol else ""
    attacks = ", ".join(dict.fromkeys(attack.spec for attack in first.attacks))
    return f"{board}{first.data.name}, {first.data.n} {first.data.split} images, {first.threat}, {attacks}"


def label(record: Record) -> str:
    """A model's name in a figure."""
    return without_mathematics(one_line(record.model.ref.removeprefix("zoo:")))


def without_mathematics(text: str) -> str:
    """Text of others in a figure, as it is: matplotlib takes what stands between two dollars for a formula."""
    return text.replace("$", r"\$")


def labels(records: Sequence[Record]) -> list[str]:
    """Distinct names of the records in a figure."""
    return told_apart([label(record) for record in records], records)


def told_apart(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """A name for each record: those that several records have are followed by the start of the record's identity."""
    return [
        f"{name} ({record.identity[:6]})" if names.count(name) > 1 else name
        for name, record in zip(names, records, strict=True)
    ]


def renamed(records: Sequence[Record], names: Sequence[str]) -> list[Record]:
    """The records under other names, for a paper; unchanged without ``names``. Raises ``RecordError`` for another number."""
    if not names:
        return list(records)
    if len(names) != len(records):
        raise RecordError(
            f"There are {len(records)} records, and --name was given {len(names)} times.",
            "Give --name once for each record.",
        )
    models = [record.model.model_copy(update={"ref": name}) for record, name in zip(records, names, strict=True)]
    return [
        record.model_copy(update={"model": model}).with_rows(record.rows)
        for record, model in zip(records, models, strict=True)
    ]


COMMON: dict[str, Callable[[Record], str]] = {
    "kinds of model": lambda record: record.task,
    "data": lambda record: f"{record.data.name} ({record.data.split})",
    "threats": lambda record: record.threat,
    "attacks": lambda record: " and ".join(attack.spec for attack in record.attacks),
    "protocols": lambda record: str(record.protocol and f"{record.protocol.board} v{record.protocol.version}"),
}
"""Properties that all records of one figure or table must share, because its caption states them once."""


def check_comparable(records: Sequence[Record], *, samples: bool = True) -> None:
    """Raise ``RecordError``, naming the difference, if records may not share a figure.

    samples: whether they must also be of the very same samples, whose number is in the caption.
    """
    if not records:
        raise RecordError("There is nothing to draw.", "Name at least one record.")
    for what, common_value in COMMON.items():
        if len(values := dict.fromkeys(map(common_value, records))) > 1:
            raise RecordError(f"The records are of different {what}: {'; '.join(values)}.", "Show them separately.")
    if samples and len({record.data.sha256 for record in records}) > 1:
        sizes = ", ".join(str(n) for n in sorted({record.data.n for record in records}))
        raise RecordError(f"The records are of different samples ({sizes} of them).", "Evaluate with the same --n.")


def save(figure: Figure, path: Path) -> None:
    """Write a figure atomically and without a timestamp; the ending of ``path`` (PDF, SVG or PNG) is the format."""
    import matplotlib

    ending = path.suffix.removeprefix(".")
    settings: dict[Any, Any] = {"svg.hashsalt": path.stem, "pdf.fonttype": 42}  # text stays text, in TrueType
    with matplotlib.rc_context(settings), atomic_path(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=RESOLUTION, metadata=NAMELESS[ending])

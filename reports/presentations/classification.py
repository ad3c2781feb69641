"""The presentation of boards of models that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.foundation.threats import counts_events
from bench.tasks.classification.board import standing
from reports.presentations.presentation import (
    Column,
    CurvePoint,
    Presentation,
    TableColumn,
    Words,
    between,
    of_attacks,
    on_every_board,
    single,
)

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Entry
    from bench.metrics.statistics import Floats
    from bench.tasks.record import Record
    from bench.tasks.results import Interval

WORDS = Words(
    ordered_by="accuracy under attack",
    unit="Accuracy in percent",
    headline="accuracy under attack",
    compared="sample by sample",
    share="Accuracy in percent",
    figure="Accuracy",
    axis="accuracy (%)",
    worst="broken",
    best="stands",
    results="results_decisions.html",
)


def attacks(protocol: Protocol) -> str:
    """The protocol's attacks in a sentence; a stage works only on samples that still stand."""
    return f"{of_attacks(protocol)}; a stage works on the samples that the stages before it left standing."


def rule(protocol: Protocol) -> str:
    """What counts as robust, in two sentences."""
    return (
        "A sample counts as robust if the model is right on it without a perturbation and after every attack. "
        f"The table is ordered by the share of robust samples at {protocol.rank_by}."
    )


def table(protocol: Protocol) -> list[TableColumn]:
    """Accuracy: clean, under noise where the board ranks, under attack at every radius; and the median least change."""
    main = protocol.rank_by
    columns: list[TableColumn] = [
        ("clean", single("clean", 100, ".1f")),
        (f"noise {main}", single(f"noise@{main}", 100, ".1f")),
    ]
    for eps in protocol.eps:
        robust = between(f"robust@{eps}", f"robust_low@{eps}", f"robust_high@{eps}", 100, ".1f")
        columns.append((f"attacked {eps}", robust))
    if counts_events(protocol.norm):
        columns.append(("median least", lambda row: row["least_median"].removesuffix(".000000")))
    return columns


def columns(protocol: Protocol) -> list[Column]:
    """Robust accuracy where the board ranks, clean accuracy, other radii, noise, gap, and external adversarial images."""
    main = protocol.rank_by
    return [
        _robust(main, main=True),
        Column(
            "clean", "clean", "Accuracy without perturbation.", low="clean_low", high="clean_high", axis="clean accuracy (%)"
        ),
        *(_robust(eps, main=False) for eps in protocol.eps if eps != main),
        Column(
            "least_median",
            "median least",
            "Half of all samples were broken by so small a change, or need none: an upper bound, in events or in frames.",
            "count",
        ),
        Column(f"noise@{main}", f"noise {main}", f"Accuracy under one draw of random noise of {main}."),
        Column(
            f"gap@{main}", f"gap {main}", "Noise accuracy minus attack accuracy. Never ranked by: it is 0 for a dead model."
        ),
        Column(
            f"best_known_external@{main}",
            f"external {main}",
            "What is left once adversarial images that others found are counted too.",
        ),
    ]


def _robust(eps: str, *, main: bool) -> Column:
    says = f"Accuracy under every attack of the protocol at {eps}, over all samples, with its 95% interval."
    low, high, axis = f"robust_low@{eps}", f"robust_high@{eps}", f"accuracy under attack at {eps} (%)"
    return Column(f"robust@{eps}", f"attack {eps}", says, low=low, high=high, main=main, axis=axis)


def outcomes(entry: Entry, protocol: Protocol) -> dict[str, Floats]:
    """Rates of right decisions per image: under attack where the board ranks, clean, under attack elsewhere."""
    rows = entry.record.rows.drop_duplicates("sample").sort_values("sample")
    attacked = {_measure(eps): np.asarray(standing(entry.record, eps), dtype=np.float64) for eps in protocol.eps}
    main = _measure(protocol.rank_by)
    clean = np.asarray(rows["clean_correct"], dtype=np.float64)
    return {main: attacked.pop(main), "clean accuracy": clean, **attacked}


def _measure(eps: str) -> str:
    return f"accuracy under attack at {eps}"


def curve(record: Record, protocol: Protocol) -> tuple[Interval, list[CurvePoint]]:
    """Clean accuracy, then robust accuracy over the radius."""
    strongest = {cell.eps: cell for cell in record.cells}
    points = [strongest[eps] for eps in sorted(strongest)]
    return points[0].clean, [CurvePoint(cell.eps, cell.eps_text, cell.robust, cell.noise.value) for cell in points]


PRESENTATION = Presentation(
    words=on_every_board(WORDS),
    attacks=attacks,
    rule=rule,
    table=table,
    columns=columns,
    outcomes=outcomes,
    independent=lambda record: record.data.n,
    curve=curve,
)

"""The presentation of boards of models that score. Versions of one photograph are not independent samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.tasks.moving import by_group
from bench.tasks.quality.board import CLIPPED, RAW, by_clipped, moved, scale
from bench.tasks.results import Interval
from reports.presentations.presentation import (
    Column,
    CurvePoint,
    Presentation,
    TableColumn,
    Words,
    between,
    of_attacks,
    single,
)

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Entry
    from bench.metrics.statistics import Floats
    from bench.tasks.quality.results import Shift
    from bench.tasks.record import Record

WORDS = Words(
    ordered_by="the shift of the score under attack (less is better)",
    unit="Shift of the score in percent of its range",
    headline="of the score range: mean shift under attack",
    compared="photograph by photograph, by the mean shift of the score: less is better",
    share="Shift in percent of the score range",
    figure="Shift of the score",
    axis="mean shift of the score (% of its range)",
    worst="moved most",
    best="moved least",
    results="results_scores.html",
    short_unit="shift",
)


CLIPPED_WORDS = replace(
    WORDS,
    ordered_by="the shift of the clipped score under attack (less is better)",
    headline="of the score range: mean shift of clipped scores under attack",
    compared="photograph by photograph, by the mean shift of the clipped score: less is better",
    figure="Shift of the clipped score",
    axis="mean shift of the clipped score (% of its range)",
)


def words(protocol: Protocol) -> Words:
    """Phrases that say whether scores beyond the ends of their range count as the ends."""
    return CLIPPED_WORDS if by_clipped(protocol) else WORDS


def attacks(protocol: Protocol) -> str:
    """The protocol's attacks in a sentence; every stage works on all images."""
    return f"{of_attacks(protocol)}; every stage works on all images."


def rule(protocol: Protocol) -> str:
    """What counts as a shift, in four or five sentences."""
    clipped = "Scores beyond the ends of their range count as the ends. " if by_clipped(protocol) else ""
    return (
        "Every image is attacked to raise the score and to lower it; the larger shift counts, in units of the model's "
        f"score range. {clipped}The table is ordered by the mean shift at {protocol.rank_by}: less is better. "
        "Versions of one photograph are not independent samples, so intervals and ranks rest on photographs."
    )


def table(protocol: Protocol) -> list[TableColumn]:
    """Rank correlation, then mean shift under noise and attack at every radius."""
    columns: list[TableColumn] = [("SRCC", between("srcc", "srcc_low", "srcc_high", 1, ".2f"))]
    for eps in protocol.eps:
        columns.append((f"noise {eps}", single(f"noise@{eps}", 1, ".3f")))
        key = CLIPPED if by_clipped(protocol) else RAW
        columns.append((f"attacked {eps}", between(f"{key}@{eps}", f"{key}_low@{eps}", f"{key}_high@{eps}", 1, ".3f")))
    return columns


def columns(protocol: Protocol) -> list[Column]:
    """The shift where the board ranks, correlations, other radii, R, noise, gap, and external adversarial images."""
    main = protocol.rank_by
    clipped = by_clipped(protocol)
    return [
        *(_saturating(main) if clipped else ()),
        _shift(main, main=not clipped),
        Column(
            "srcc",
            "SRCC",
            "Rank correlation of clean scores with the opinion scores.",
            "number",
            "srcc_low",
            "srcc_high",
            axis="rank correlation with opinion scores (SRCC)",
        ),
        Column(f"srcc_attacked@{main}", f"SRCC attacked {main}", "The same of scores under attack.", "number"),
        *(_shift(eps, main=False) for eps in protocol.eps if eps != main),
        Column(
            f"r@{main}", f"R {main}", "Mean log10 of the largest possible shift over the shift: more is better.", "number"
        ),
        Column(f"noise@{main}", f"noise {main}", f"The same shift under one draw of random noise of {main}.", less=True),
        Column(
            f"gap@{main}",
            f"gap {main}",
            "Shift under attack minus shift under noise. Never ranked by: 0 for a dead model.",
            less=True,
        ),
        Column(
            f"best_known_external@{main}",
            f"external {main}",
            "The shift once adversarial images that others found are counted too.",
            less=True,
        ),
    ]


def _shift(eps: str, *, main: bool) -> Column:
    says = f"Mean size of the shift of the score under attack at {eps}, in percent of the score range. Less is better."
    key, low, high = (f"{name}@{eps}" for name in ("shift", "shift_low", "shift_high"))
    axis = f"shift of the score at {eps} (% of its range)"
    return Column(key, f"shift {eps}", says, low=low, high=high, main=main, less=True, axis=axis)


def _saturating(eps: str) -> list[Column]:
    """The shift of clipped scores, by which the board is ranked, and what else saturates."""
    says = f"Mean size of the shift at {eps} of scores clipped to their range, in percent of it. Less is better."
    return [
        Column(
            f"clipped@{eps}",
            f"clipped {eps}",
            says,
            "percent",
            f"clipped_low@{eps}",
            f"clipped_high@{eps}",
            main=True,
            less=True,
            axis=f"clipped shift at {eps} (% of the score range)",
        ),
        Column(f"across_half@{eps}", "across half", "Images whose score moves by at least half of the range.", less=True),
        Column(f"across_range@{eps}", "across all", "Images whose score moves by at least the whole range.", less=True),
        Column(
            f"flipped_pairs@{eps}",
            "pairs flipped",
            "Pairs of images whose order an attacker reverses who lowers the better and raises the worse.",
            less=True,
        ),
        Column(f"srcc_between@{eps}", "SRCC with clean", "Rank correlation of attacked with clean scores.", "number"),
    ]


def outcomes(entry: Entry, protocol: Protocol) -> dict[str, Floats]:
    """The mean shift per photograph, first where the board ranks."""
    radii = [protocol.rank_by, *(eps for eps in protocol.eps if eps != protocol.rank_by)]
    key = CLIPPED if by_clipped(protocol) else RAW
    return {f"shift under attack at {eps}": by_group(moved(entry.record, eps), key) for eps in radii}


def curve(record: Record, protocol: Protocol) -> tuple[Interval, list[CurvePoint]]:
    """No shift, then the mean shift over the radius, in score ranges; of clipped scores where these order the board."""
    width = scale(record).width
    largest: dict[float, Shift] = {shift.eps: shift for shift in record.shifts}
    nothing = Interval(value=0.0, low=0.0, high=0.0, n=record.data.n)
    points = []
    for _, shift in sorted(largest.items()):
        clipped = shift.clipped if by_clipped(protocol) else None
        points.append(CurvePoint(shift.eps, shift.eps_text, clipped or shift.in_ranges, shift.noise.value / width))
    return nothing, points


PRESENTATION = Presentation(
    words=words,
    attacks=attacks,
    rule=rule,
    table=table,
    columns=columns,
    outcomes=outcomes,
    independent=lambda record: int(record.rows["group"].nunique()),
    curve=curve,
    clean="srcc",
)

"""The presentation of boards of models that reconstruct. Every figure is in decibels; SSIM stands beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.tasks.moving import by_group
from bench.tasks.reconstruction.board import attacked, drops
from bench.tasks.reconstruction.fidelity import LARGEST
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
    ordered_by="the PSNR of the pictures under attack",
    unit="PSNR in dB",
    headline="PSNR of its pictures under attack",
    compared="picture by picture",
    share="PSNR in dB",
    figure="PSNR",
    axis="PSNR of the picture (dB)",
    worst="spoilt most",
    best="spoilt least",
    results="results_pictures.html",
    short_unit="dB",
    sign="dB",
    points="dB",
)
LOWEST_TOP = 0.2
"""Of axes, as a share of the largest PSNR: 20 dB."""


def attacks(protocol: Protocol) -> str:
    """The protocol's attacks in a sentence; every stage works on all images."""
    return f"{of_attacks(protocol)}; every stage works on all images."


def rule(protocol: Protocol) -> str:
    """What counts as a loss, in three sentences."""
    return (
        "Attacks raise the squared error between the picture and the scene that was shown, after the attack: a camera that "
        "faithfully shows what an attacker has changed has lost nothing. "
        f"The table is ordered by the mean PSNR under attack at {protocol.rank_by}: more is better. "
        "The drop from the clean PSNR never ranks: it is 0 for a camera that shows nothing."
    )


def table(protocol: Protocol) -> list[TableColumn]:
    """PSNR and SSIM clean, then PSNR under noise and attack, the drop, and SSIM under attack at every radius."""
    columns: list[TableColumn] = [("PSNR clean", single("psnr", 1, ".2f")), ("SSIM clean", single("ssim", 1, ".3f"))]
    for eps in protocol.eps:
        columns += [
            (f"noise {eps}", single(f"noise@{eps}", 1, ".2f")),
            (f"attacked {eps}", between(f"attacked@{eps}", f"attacked_low@{eps}", f"attacked_high@{eps}", 1, ".2f")),
            (f"drop {eps}", between(f"drop@{eps}", f"drop_low@{eps}", f"drop_high@{eps}", 1, ".2f")),
            (f"gap to noise {eps}", between(f"gap@{eps}", f"gap_low@{eps}", f"gap_high@{eps}", 1, ".2f")),
            (f"SSIM attacked {eps}", single(f"ssim_attacked@{eps}", 1, ".3f")),
        ]
    return columns


def columns(protocol: Protocol) -> list[Column]:
    """PSNR under attack where the board ranks, clean, drop, other radii, SSIM, noise, gap, and external scenes."""
    main = protocol.rank_by
    return [
        _attacked(main, main=True),
        Column(
            "psnr",
            "clean",
            "PSNR of pictures of the clean scenes.",
            "decibels",
            "psnr_low",
            "psnr_high",
            axis="clean PSNR (dB)",
        ),
        Column(
            f"drop@{main}",
            f"drop {main}",
            "Clean PSNR minus PSNR under attack. Never ranked by: it is 0 for a camera that shows nothing.",
            "decibels",
            f"drop_low@{main}",
            f"drop_high@{main}",
            less=True,
        ),
        *(_attacked(eps, main=False) for eps in protocol.eps if eps != main),
        Column(f"noise@{main}", f"noise {main}", f"PSNR under one draw of random noise of {main}.", "decibels"),
        Column(
            f"gap@{main}",
            f"gap {main}",
            "PSNR under noise minus PSNR under attack. Never ranked by: 0 for a camera that shows nothing.",
            "decibels",
            f"gap_low@{main}",
            f"gap_high@{main}",
            less=True,
        ),
        Column("ssim", "SSIM", "SSIM of pictures of the clean scenes.", "number"),
        Column(f"ssim_attacked@{main}", f"SSIM attacked {main}", "The same of attacked scenes, against these.", "number"),
        Column(
            f"best_known_external@{main}",
            f"external {main}",
            "What is left once adversarial scenes that others found are counted too.",
            "decibels",
        ),
    ]


def _attacked(eps: str, *, main: bool) -> Column:
    says = f"Mean PSNR under every attack of the protocol at {eps}, each picture against its own scene, with a 95% interval."
    low, high = f"attacked_low@{eps}", f"attacked_high@{eps}"
    axis = f"PSNR under attack at {eps} (dB)"
    return Column(f"attacked@{eps}", f"attack {eps}", says, "decibels", low, high, main, axis=axis)


def outcomes(entry: Entry, protocol: Protocol) -> dict[str, Floats]:
    """PSNR per group of samples, first where the board ranks, then clean, then elsewhere.

    As a share of the largest PSNR, 100 dB, so that what a page prints in percent is in dB.
    """
    rows = entry.record.rows.drop_duplicates("sample").sort_values("sample")
    by_radius = {_measure(eps): by_group(attacked(entry.record, eps), "psnr") / LARGEST for eps in protocol.eps}
    main = _measure(protocol.rank_by)
    return {main: by_radius.pop(main), "clean PSNR": by_group(rows, "clean_psnr") / LARGEST, **by_radius}


def _measure(eps: str) -> str:
    return f"PSNR under attack at {eps}"


def curve(record: Record, protocol: Protocol) -> tuple[Interval, list[CurvePoint]]:
    """Clean PSNR, then PSNR under attack over the radius, as shares of the largest PSNR (see :func:`outcomes`)."""
    lowest = {drop.eps: drop for drop in drops(record)}
    points = [lowest[eps] for eps in sorted(lowest)]
    return _share(points[0].psnr_clean), [
        CurvePoint(drop.eps, drop.eps_text, _share(drop.psnr), drop.psnr_noise.value / LARGEST) for drop in points
    ]


def _share(decibels: Interval) -> Interval:
    """An interval in dB as shares of the largest PSNR."""
    return decibels.model_copy(update={end: getattr(decibels, end) / LARGEST for end in ("value", "low", "high")})


PRESENTATION = Presentation(
    words=on_every_board(WORDS),
    attacks=attacks,
    rule=rule,
    table=table,
    columns=columns,
    outcomes=outcomes,
    independent=lambda record: int(record.rows["group"].nunique()),
    curve=curve,
    clean="psnr",
    lowest_top=LOWEST_TOP,
)

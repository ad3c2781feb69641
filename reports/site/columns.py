"""Which of a board's measurements its table shows, in which order, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.boards.protocol import Protocol

Values = dict[str, float | str]
Kind = Literal["percent", "number"]


@dataclass(frozen=True)
class Column:
    """One measured column. low, high: keys of its interval, or empty; main: the board is ranked by it; less: is better."""

    key: str
    title: str
    says: str
    kind: Kind = "percent"
    low: str = ""
    high: str = ""
    main: bool = False
    less: bool = False


def columns(protocol: Protocol, values: list[Values]) -> list[Column]:
    """The columns of a board whose entries measured ``values``; those that nobody has are left out."""
    wanted = (_quality if protocol.task == "quality" else _classification)(protocol)
    return [column for column in wanted if any(one.get(column.key, "") != "" for one in values)]


def _classification(protocol: Protocol) -> list[Column]:
    main = protocol.rank_by

    def robust(eps: str, *, main: bool) -> Column:
        says = f"Accuracy under every attack of the protocol at {eps}, over all images, with its 95% interval."
        return Column(f"robust@{eps}", f"attack {eps}", says, low=f"robust_low@{eps}", high=f"robust_high@{eps}", main=main)

    return [
        robust(main, main=True),
        Column("clean", "clean", "Accuracy without perturbation.", low="clean_low", high="clean_high"),
        *(robust(eps, main=False) for eps in protocol.eps if eps != main),
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


def _quality(protocol: Protocol) -> list[Column]:
    main = protocol.rank_by

    def shift(eps: str, *, main: bool) -> Column:
        says = f"Mean size of the shift of the score under attack at {eps}, in percent of the score range. Less is better."
        key, low, high = (f"{name}@{eps}" for name in ("shift", "shift_low", "shift_high"))
        return Column(key, f"shift {eps}", says, low=low, high=high, main=main, less=True)

    return [
        shift(main, main=True),
        Column(
            "srcc", "SRCC", "Rank correlation of clean scores with the opinion scores.", "number", "srcc_low", "srcc_high"
        ),
        Column(f"srcc_attacked@{main}", f"SRCC attacked {main}", "The same of scores under attack.", "number"),
        *(shift(eps, main=False) for eps in protocol.eps if eps != main),
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

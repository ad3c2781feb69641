"""Which of a board's measurements its table shows, in which order, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.boards.protocol import Protocol

Values = dict[str, float | str]
Kind = Literal["percent", "number", "text"]


@dataclass(frozen=True)
class Column:
    """One measured column. low, high: keys of its interval, or empty; main: the board is ranked by it."""

    key: str
    title: str
    says: str
    kind: Kind = "percent"
    low: str = ""
    high: str = ""
    main: bool = False


def columns(protocol: Protocol, values: list[Values]) -> list[Column]:
    """The columns of a board whose entries measured ``values``; those that nobody has are left out."""
    wanted = _classification(protocol) if protocol.task == "classification" else _as_they_are(values)
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


def _as_they_are(values: list[Values]) -> list[Column]:
    keys = dict.fromkeys(key for one in values for key in one)
    kinds: dict[str, Kind] = {
        key: "text" if any(isinstance(one.get(key), str) and one[key] for one in values) else "number" for key in keys
    }
    ends = {f"{key}_{end}" for key in keys for end in ("low", "high")}
    ends |= {
        f"{name}_{end}@{eps}" for key in keys if "@" in key for name, eps in [key.split("@", 1)] for end in ("low", "high")
    }
    return [Column(key, key.replace("_", " ").replace("@", " "), "", kinds[key]) for key in keys if key not in ends]

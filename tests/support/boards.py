"""A board of twelve images and linear models, evaluated in milliseconds."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
from PIL import Image

import bench
from bench.boards.card import EntryCard
from bench.boards.entering import release
from bench.boards.protocol import Draft, freeze
from bench.boards.running import under
from bench.boards.store import Board
from bench.tasks.record import Record
from support.tiny import Linear

DAY = datetime.date(2026, 1, 2)
COUNT = 12


def pictures(folder: Path) -> str:
    """A data set of twelve 3 x 3 grey images in three classes, as ``folder:PATH``; most labels are those of Linear()."""
    from support.tiny import images

    x = images(60)
    decided = Linear().eval()(x).argmax(1)
    for label in range(3):
        (folder / f"c{label}").mkdir(parents=True)
        chosen = x[decided == label][: COUNT // 3]
        if label == 0:  # so that some are wrong without any attack
            chosen = x[decided == 1][-COUNT // 3 :]
        for number, image in enumerate(chosen):
            pixels = (image[0] * 255).round().numpy().astype(np.uint8)
            Image.fromarray(pixels, "L").save(folder / f"c{label}" / f"{number}.png")
    return f"folder:{folder}"


def draft(data: str, **changed: object) -> Draft:
    """What the tests' board asks."""
    fields = {
        "board": "tiny-linf",
        "version": 1,
        "title": "Tiny",
        "data": {"name": data, "n": COUNT},
        "eps": ["0.02", "0.1"],
        "rank_by": "0.1",
        "attacks": ["pgd:steps=2", "fgsm"],
    }
    return Draft.model_validate(fields | changed)


def new_board(root: Path, data: str, **changed: object) -> Board:
    """The board, released."""
    return release(freeze(draft(data, **changed), released=DAY), root)


def measured(board: Board, model: Linear | None = None) -> Record:
    """A record of ``model`` under the board's protocol."""
    protocol = board.protocol()
    record = bench.evaluate(
        model or Linear(), attack=protocol.specs, eps=",".join(protocol.eps), data=protocol.data.name, n=protocol.data.n
    )
    return under(record, board)


def card(name: str = "linear", version: int = 1, **changed: object) -> EntryCard:
    """A card for it."""
    fields = {"name": name, "version": version, "kind": "own_code", "authors": ["A. Nobody"], "submitted": DAY}
    return EntryCard.model_validate(fields | changed)

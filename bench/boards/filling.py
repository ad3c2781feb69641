"""Filling a board from the zoo: every model that fits it, has weights if it needs any, and is not on it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.boards.naming import EntryName
from bench.foundation.errors import BoardError, UnknownNameError
from bench.models.cards import card_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.boards.protocol import Protocol
    from bench.boards.store import Board
    from zoo.card import Card


def waiting(board: Board, only: Sequence[str] = ()) -> list[str]:
    """Names of the zoo models that could enter a board and have not, in the order of their names.

    A model fits if it answers the board's task and was made for its data set. Models behind a spike camera answer for
    another device than those that see the images: each kind enters its own boards, and the other where it is named. So do
    networks of the architecture that a board compares, where one that names none is filled with compact ones, and networks
    that draw at random when they answer.
    only: names to restrict that to.
    Raises ``BenchError`` if one of ``only`` is unknown, does not fit, or has no weights.
    """
    from zoo.card import names

    protocol, there = board.protocol(), set(board.names())
    for name in only:
        if name not in names():
            raise UnknownNameError.of("model", name, list(names()))
    fitting = []
    for name in only or names():
        described = card_of(name)
        why = (
            f"is for {described.task} on {described.dataset}"
            if (described.task, described.dataset) != (protocol.task, protocol.data.name)
            else "has no weights yet"
            if described.has_parameters and described.weights is None
            else ""
        )
        if why and only:
            raise BoardError(f"zoo:{name} cannot enter {board}: it {why}.", "Leave it out, or train it: bench train.")
        if not why and (only or _at_home(described, protocol)) and EntryName(described.name, described.version) not in there:
            fitting.append(name)
    return fitting


def _at_home(described: Card, protocol: Protocol) -> bool:
    """Whether a board is the one for a model."""
    its_network = described.network == protocol.network if protocol.network else described.size == "compact"
    draws_alike = protocol.behind_cameras or described.stochastic == protocol.stochastic
    return described.behind_camera == protocol.behind_cameras and its_network and draws_alike

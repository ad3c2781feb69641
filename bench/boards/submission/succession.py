"""Who may bring a later version of a model: those who brought the first, and a maintainer says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.boards.submission.signature import SAYS, SIGNATURE, is_key
from bench.foundation.errors import BoardError, SubmissionError
from bench.foundation.escaping import one_line

if TYPE_CHECKING:
    from bench.boards.naming import EntryName
    from bench.boards.store import Board
    from bench.boards.submission.schema import Submission
    from bench.boards.submission.signature import Signed


def check_name(submission: Submission) -> None:
    """Raise ``SubmissionError`` if the name is that of a model of the zoo, or of a replica of one."""
    from zoo.card import is_described

    if is_described(_spelt(submission.name)):
        raise SubmissionError(f"{submission.name} is the name of a model of the zoo.", "Choose another name.")


def check_succession(submission: Submission, board: Board, *, supersede: bool, signed: Signed = "none") -> None:
    """Raise ``BoardError`` unless this version may follow the versions of the model that are on the board.

    It follows if its version is higher, its ``owner`` is that of the latest version (or its authors are, where that names no
    owner), and ``supersede`` is true. An owner that is a key has signed it. A name belongs to the same people on the other
    boards of the collection, with hyphens or with underscores.
    """
    from bench.boards.store import boards

    latest = _latest(submission.name, board)
    if latest is not None and latest.version >= submission.version:
        raise BoardError(f"{latest} is on {board} already.", f"If the model changed, call it version {latest.version + 1}.")
    others = [other for other in boards(board.folder.parents[1]) if other != board]
    for each in (board, *others):
        _check_owner(submission, each, signed)
    if latest is not None and not supersede:
        new = f"{submission.name}@{submission.version}"
        raise BoardError(f"{new} would supersede {latest}.", "A maintainer gives --supersede.")


def _latest(model: str, board: Board) -> EntryName | None:
    return max((name for name in board.names() if name.model == model), default=None)


def _spelt(model: str) -> str:
    """A name as its readers see it: nobody tells hyphens from underscores in a table."""
    return model.replace("-", "_")


def _check_owner(submission: Submission, board: Board, signed: Signed) -> None:
    """Of every model whose name is spelt like this one."""
    for model in sorted({name.model for name in board.names() if _spelt(name.model) == _spelt(submission.name)}):
        _check_owner_of(model, submission, board, signed)


def _check_owner_of(model: str, submission: Submission, board: Board, signed: Signed) -> None:
    latest = max(name for name in board.names() if name.model == model)
    card = board.entry(latest).card
    same = submission.owner == card.owner if card.owner is not None else submission.authors == card.authors
    if card.kind == "zoo" or not same:
        whose = card.owner or ", ".join(card.authors) or "the zoo"
        raise BoardError(f"{latest} on {board} belongs to {one_line(whose, 80)}.", "Choose another name.")
    if is_key(card.owner) and signed != "valid":
        how = "Install OpenSSH." if signed == "unchecked" else f"Its owner adds {SIGNATURE}: see docs/submit.md."
        raise BoardError(f"{latest} on {board} belongs to the holder of a key, and {SAYS[signed]}.", how)

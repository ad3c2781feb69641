"""Boards on disk: finding and reading them, and the lock that every writer takes."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.card import EntryCard, read_entry_card
from bench.boards.naming import EntryName, Place, is_slug, parse_place
from bench.boards.protocol import HASH_FILE, PROTOCOL_FILE, Protocol, read_protocol
from bench.foundation.errors import BoardError, UnknownNameError, translate_os_error
from bench.foundation.files import sha256_file

if TYPE_CHECKING:
    from bench.boards.challenge_record import Challenge
    from bench.tasks.record import Record

CARD_FILE, TABLE_FILE, CHANGES_FILE, CHALLENGES = "card.yaml", "table.csv", "CHANGELOG.md", "challenges"


@dataclass(frozen=True)
class Entry:
    """One model on a board."""

    name: EntryName
    folder: Path
    card: EntryCard
    record: Record
    record_sha256: str
    challenges: list[Challenge] = field(default_factory=list)


@dataclass(frozen=True)
class Board:
    """One version of a board. folder: ``ROOT/NAME/vN``."""

    name: str
    version: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}/v{self.version}"

    @property
    def protocol_sha256(self) -> str:
        """Of ``protocol.yaml`` as it is."""
        return sha256_file(self.folder / PROTOCOL_FILE)

    def protocol(self) -> Protocol:
        """The frozen protocol. Raises ``BoardError`` if it is not the one that was released."""
        protocol = read_protocol(self.folder / PROTOCOL_FILE)
        frozen = self.folder / HASH_FILE
        words = frozen.read_text().split() if frozen.is_file() else []
        if words != [self.protocol_sha256, PROTOCOL_FILE]:
            raise BoardError(
                f"The protocol of {self} is not the one that was released.",
                "Restore protocol.yaml and protocol.sha256; a change is a new version: bench board release.",
            )
        if (protocol.board, protocol.version) != (self.name, self.version):
            raise BoardError(f"The protocol in {self.folder} is of another board.", "Restore it.")
        return protocol

    def names(self) -> list[EntryName]:
        """All entries, sorted. Raises ``BoardError`` for a folder that is none."""
        entries = self.folder / "entries"
        if not entries.is_dir():
            return []
        return sorted(EntryName.parse(path.name) for path in entries.iterdir() if not path.name.startswith("."))

    def entry_folder(self, name: EntryName) -> Path:
        """Where an entry lies."""
        return self.folder / "entries" / str(name)

    def entry(self, name: EntryName) -> Entry:
        """One entry, hashes checked. Raises ``BenchError`` if it is missing or damaged."""
        from bench.boards.challenge_record import read_challenges
        from bench.evaluation.records.storage import RECORD_FILE, read_record

        folder = self.entry_folder(name)
        if not folder.is_dir():
            raise UnknownNameError.of(f"entry of {self}:", str(name), [str(known) for known in self.names()])
        record = read_record(folder)
        card = read_entry_card(folder / CARD_FILE)
        if (card.name, card.version) != (name.model, name.version):
            raise BoardError(f"The card in {folder} is of {card.name}@{card.version}.", "Restore it.")
        return Entry(name, folder, card, record, sha256_file(folder / RECORD_FILE), read_challenges(folder / CHALLENGES))

    def entries(self) -> list[Entry]:
        """All entries, sorted by name."""
        return [self.entry(name) for name in self.names()]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes to the board until the block ends; waits for its turn.

        The lock is on the folder itself, so nothing is left behind, and the kernel drops it when its holder dies.
        """
        try:
            handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise translate_os_error(error, self.folder) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def boards_root(root: Path | None = None) -> Path:
    """``root``, or ``leaderboards`` here, or the one beside the program."""
    here = Path("leaderboards")
    return root or (here if here.is_dir() else Path(__file__).parents[2] / "leaderboards")


def versions(root: Path, name: str) -> list[int]:
    """The versions of a board, ascending."""
    folder = root / name
    found = [re.fullmatch(r"v([1-9][0-9]*)", path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(one[1]) for one in found if one and (folder / one[0] / PROTOCOL_FILE).is_file())


def boards(root: Path) -> list[Board]:
    """Every version of every board."""
    names = sorted(path.name for path in root.iterdir() if is_slug(path.name)) if root.is_dir() else []
    return [Board(name, number, root / name / f"v{number}") for name in names for number in versions(root, name)]


def open_board(text: str, root: Path) -> Board:
    """The board of ``BOARD[/vN]``, its latest version if none is given.

    Raises ``BoardError`` if there is none of that name.
    """
    return board_at(parse_place(text), root)


def board_at(place: Place, root: Path) -> Board:
    """The board of a place."""
    known = versions(root, place.board)
    if not known:
        raise UnknownNameError.of("board", place.board, sorted({board.name for board in boards(root)}))
    version = place.version or known[-1]
    if version not in known:
        have = ", ".join(f"v{number}" for number in known)
        raise BoardError(f"{place.board} has no v{version}.", f"It has {have}.")
    return Board(place.board, version, root / place.board / f"v{version}")


def open_entry(text: str, root: Path) -> tuple[Board, Entry]:
    """The entry of ``BOARD[/vN]/MODEL[@VERSION]``, its latest version if none is given."""
    place = parse_place(text)
    if place.model is None:
        raise BoardError(f"{text!r} names no entry.", "Write BOARD/MODEL, for example snn-cifar10-linf/snn_at.")
    board = board_at(place, root)
    known = [name for name in board.names() if name.model == place.model]
    if not known:
        raise UnknownNameError.of(f"model on {board}:", place.model, sorted({name.model for name in board.names()}))
    return board, board.entry(EntryName(place.model, place.model_version or known[-1].version))

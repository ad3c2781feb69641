"""Boards on disk: finding and reading them, and the lock that every writer takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards import old_layout
from bench.boards.card import EntryCard, read_cards
from bench.boards.challenge_record import Challenge, read_challenges
from bench.boards.naming import EntryName, Place, is_slug, parse_place
from bench.boards.protocol import HASH_FILE, PROTOCOL_FILE, Protocol, read_protocol
from bench.evaluation.records.archive import Archive
from bench.foundation.errors import BoardError, NoBoardsError, UnknownNameError, translate_os_error
from bench.foundation.files import copy_folder, locked, make_folder, sha256_file
from bench.foundation.scratch import scratch_folder

if TYPE_CHECKING:
    from bench.tasks.record import Record

CARDS_FILE, TABLE_FILE, CHANGES_FILE, CHALLENGES = "cards.yaml", "table.csv", "CHANGELOG.md", "challenges"
CHECKOUT = Path(__file__).parents[2] / "leaderboards"
"""The boards of the repository that this file lies in."""
PACKAGED = Path(__file__).parents[1] / "leaderboards"
"""The newest boards, inside an installed package; a checkout has no such folder."""


@dataclass(frozen=True)
class Entry:
    """One model on a board."""

    name: EntryName
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
        words = frozen.read_text(encoding="utf-8", errors="replace").split() if frozen.is_file() else []
        if words != [self.protocol_sha256, PROTOCOL_FILE]:
            raise BoardError(
                f"The protocol of {self} is not the one that was released.",
                "Restore protocol.yaml and protocol.sha256; a change is a new version: bench board release.",
            )
        if (protocol.board, protocol.version) != (self.name, self.version):
            raise BoardError(f"The protocol in {self.folder} is of another board.", "Restore it.")
        return protocol

    @property
    def archive(self) -> Archive:
        """The records of its entries."""
        return Archive(self.folder)

    @property
    def is_old(self) -> bool:
        """Whether it still has a folder per entry; see :mod:`bench.boards.old_layout`."""
        return old_layout.is_old(self.folder)

    def names(self) -> list[EntryName]:
        """All entries, sorted. Raises ``BenchError`` for a name that is none, or if the list is damaged."""
        if self.is_old:
            return old_layout.names(self.folder)
        return sorted(EntryName.parse(name) for name in self.archive.lines())

    def cards(self) -> dict[EntryName, EntryCard]:
        """All cards. Raises ``BoardError`` for one that is malformed."""
        return read_cards(self.folder / CARDS_FILE)

    def challenges_folder(self, name: EntryName) -> Path:
        """Where the challenges to an entry lie, if there are any."""
        return self.folder / CHALLENGES / str(name)

    def entry(self, name: EntryName) -> Entry:
        """One entry, hashes checked. Raises ``BenchError`` if it is missing or damaged."""
        return self.reader()(name)

    def entries(self) -> list[Entry]:
        """All entries, sorted by name."""
        return list(map(self.reader(), self.names()))

    def reader(self) -> Callable[[EntryName], Entry]:
        """A function from names to entries, like :meth:`entry`, that reads the files of all entries once."""
        names = self.names()
        lines, cards = ({}, {}) if self.is_old else (self.archive.lines(), self.cards())

        def read(name: EntryName) -> Entry:
            if name not in names:
                raise UnknownNameError.of(f"entry of {self}:", str(name), [str(known) for known in names])
            if self.is_old:
                return Entry(name, *old_layout.read(self.folder, name))
            if name not in cards:
                raise BoardError(f"{name} has no card in {self.folder / CARDS_FILE}.", "Restore it.")
            line = lines[str(name)]
            challenges = read_challenges(self.challenges_folder(name))
            return Entry(name, cards[name], self.archive.record_of(line), line.record_sha256, challenges)

        return read

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes to the board until the block ends; waits for its turn."""
        with locked(self.folder):
            yield


def boards_root(root: Path | None = None) -> Path:
    """``root``, or ``leaderboards`` here, or the boards that came with the package, or those of the checkout."""
    here = Path("leaderboards")
    return root or next((place for place in (here, PACKAGED) if place.is_dir()), CHECKOUT)


def boards_to_write(root: Path | None = None) -> Path:
    """:func:`boards_root`, for a command that writes.

    Raises ``BoardError`` for the boards that came with the package, and for those of a checkout that nobody named and that
    lie elsewhere.
    """
    home = boards_root(root)
    if home.resolve().is_relative_to(PACKAGED.resolve()):
        raise BoardError(
            "The boards of the installed package are not changed.",
            "Make a copy in this folder (bench board copy leaderboards), and run the command again.",
        )
    if root is None and not Path("leaderboards").is_dir():
        raise BoardError(
            "There is no folder leaderboards here, and the boards of the repository are not changed from elsewhere.",
            "Make a copy in this folder (bench board copy leaderboards), or name the boards with --boards.",
        )
    return home


def copy_boards(source: Path, target: Path) -> None:
    """Copy a folder of boards to ``target``, which must not exist, and does not until all of it is there.

    Raises ``BenchError`` where that is refused.
    """
    if target.exists():
        raise BoardError(f"{target} exists already.", "Name a folder that does not exist.")
    if target.resolve().is_relative_to(source.resolve()):
        raise BoardError(f"{target} lies within {source}.", "Name a folder elsewhere.")
    present_boards(source)
    make_folder(target.parent)
    try:
        with scratch_folder(target.parent, f".{target.name}.") as scratch:
            copy_folder(source, scratch / "copy")
            (scratch / "copy").rename(target)
    except OSError as error:
        raise translate_os_error(error, target) from error


def versions(root: Path, name: str) -> list[int]:
    """The versions of a board, ascending."""
    folder = root / name
    matches = [re.fullmatch(r"v([1-9][0-9]*)", path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(matched[1]) for matched in matches if matched and (folder / matched[0] / PROTOCOL_FILE).is_file())


def boards(root: Path) -> list[Board]:
    """Every version of every board."""
    names = sorted(path.name for path in root.iterdir() if is_slug(path.name)) if root.is_dir() else []
    return [Board(name, number, root / name / f"v{number}") for name in names for number in versions(root, name)]


def present_boards(root: Path) -> list[Board]:
    """:func:`boards`. Raises ``NoBoardsError`` if there is none."""
    present = boards(root)
    if not present:
        raise NoBoardsError(f"There are no boards in {root}.", "Name a folder of boards with --boards.")
    return present


def open_board(text: str, root: Path) -> Board:
    """The board of ``BOARD[/vN]``, its latest version if none is given.

    Raises ``BoardError`` if there is none of that name.
    """
    return board_at(parse_place(text), root)


def board_at(place: Place, root: Path) -> Board:
    """The board of a place."""
    known = versions(root, place.board)
    if not known:
        raise UnknownNameError.of("board", place.board, sorted({board.name for board in present_boards(root)}))
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

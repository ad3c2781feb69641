"""The contents of a board's pages, read and computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from bench.boards.card import KINDS, EntryCard
from bench.boards.challenge_record import Challenge
from bench.boards.gallery import read_galleries, read_tiles
from bench.boards.gallery_record import Gallery
from bench.boards.protocol import Protocol
from bench.boards.ranking import Rank, is_current, ranks
from bench.boards.store import Board, Entry
from bench.boards.strip import Tile
from bench.tasks.lookup import board_rules
from bench.tasks.record import Record
from reports.presentations.presentation import Column, Words, presentation_of
from reports.site.columns import Values, columns
from reports.site.outcomes import Outcomes, outcomes


@dataclass(frozen=True)
class EntryView:
    """One entry. rank: None if it has none; outcomes: what it did sample by sample, by measure; tiles: of its gallery."""

    name: str
    card: EntryCard
    record: Record
    record_sha256: str
    rank: Rank | None
    current: bool
    values: Values
    challenges: list[Challenge] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=dict)
    gallery: Gallery | None = None
    tiles: list[Tile] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """How far the entry is trusted, in words."""
        return KINDS[self.card.kind]

    @property
    def verdict(self) -> str:
        """``reliable``, ``reliable with remarks``, ``upper bound`` or ``unreliable``."""
        return self.record.reliability.status.replace("_", " ")


@dataclass(frozen=True)
class BoardView:
    """One version of a board, entries in the order of its table. versions: all of the board's, ascending."""

    protocol: Protocol
    protocol_sha256: str
    versions: list[int]
    entries: list[EntryView]

    @property
    def name(self) -> str:
        """``BOARD/vN``."""
        return f"{self.protocol.board}/v{self.protocol.version}"

    @property
    def latest(self) -> bool:
        """Whether no later version exists."""
        return self.protocol.version == max(self.versions)

    @property
    def words(self) -> Words:
        """Phrases for its task."""
        return presentation_of(self.protocol.task).words

    @cached_property
    def independent(self) -> int:
        """Samples that are independent of each other."""
        counts = [presentation_of(self.protocol.task).independent(entry.record) for entry in self.entries]
        return max(counts, default=self.protocol.data.n)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of its table."""
        return columns(self.protocol, [entry.values for entry in self.entries])

    @cached_property
    def ranked(self) -> list[EntryView]:
        """Entries with a rank, best first."""
        return [entry for entry in self.entries if entry.rank]

    @cached_property
    def best(self) -> list[EntryView]:
        """Entries that may be the best, as no other is significantly better; the highest measured comes first."""
        return [entry for entry in self.ranked if entry.rank and entry.rank.low == 1]


def view(board: Board, versions: list[int]) -> BoardView:
    """Read a board. versions: of the board, ascending. Raises ``BoardError`` or ``RecordError`` if it is damaged."""
    protocol, entries = board.protocol(), board.entries()
    order = ranks(entries, protocol)
    names, galleries = [entry.name for entry in entries], read_galleries(board)

    def entry_view(entry: Entry) -> EntryView:
        return EntryView(
            name=str(entry.name),
            card=entry.card,
            record=entry.record,
            record_sha256=entry.record_sha256,
            rank=order.get(entry.name),
            current=is_current(entry.name, names),
            values=board_rules(protocol.task).columns(entry, protocol),
            challenges=entry.challenges,
            outcomes=outcomes(entry, protocol),
            gallery=galleries.get(entry.name),
            tiles=read_tiles(board, galleries[entry.name]) if entry.name in galleries else [],
        )

    return BoardView(protocol, board.protocol_sha256, versions, ordered([entry_view(entry) for entry in entries]))


def ordered(entries: list[EntryView]) -> list[EntryView]:
    """Ranked entries first, then unreliable ones, then superseded ones."""

    def position(entry: EntryView) -> tuple[int, int, str]:
        return (0 if entry.rank else 1 if entry.current else 2, entry.rank.rank if entry.rank else 0, entry.name)

    return sorted(entries, key=position)

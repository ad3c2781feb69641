"""The contents of a board's pages, read and computed once.

A board of spiking networks ranks these among themselves: networks without spikes are lines of reference beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.boards.card import KINDS, EntryCard
from bench.boards.challenge_record import Challenge
from bench.boards.gallery import read_galleries, read_tiles
from bench.boards.gallery_record import Gallery
from bench.boards.protocol import Protocol, check_program
from bench.boards.ranking import Rank, best_first, is_current, ranks
from bench.boards.store import Board, Entry
from bench.boards.strip import Tile
from bench.foundation.errors import BenchError
from bench.tasks.lookup import board_rules, task_named
from bench.tasks.record import Record
from reports.presentations.presentation import Column, Words, presentation_of
from reports.site.columns import Values, columns
from reports.site.facts import Facts, facts
from reports.site.outcomes import Outcomes, outcomes
from reports.site.samples import sampled


@dataclass(frozen=True)
class EntryView:
    """One entry. rank: among the models that the board ranks, None if it has none; overall: among all models, as in
    ``table.csv``; reference: whether it has no spikes on a board of spiking networks; outcomes: what it did sample by
    sample, by measure; tiles: of its gallery.
    """

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
    facts: Facts = field(default_factory=Facts)
    overall: Rank | None = None
    reference: bool = False

    @property
    def title(self) -> str:
        """What a reader calls it: the title of its card, or its name."""
        return self.facts.title or self.name

    @property
    def kind(self) -> str:
        """How far the entry is trusted, in words."""
        return KINDS[self.card.kind]

    @property
    def verdict(self) -> str:
        """``reliable``, ``reliable with remarks``, ``upper bound`` or ``unreliable``."""
        return self.record.reliability.grade


@dataclass(frozen=True)
class BoardView:
    """One version of a board, entries in the order of its table.

    versions: all of the board's, ascending. folder: where its files are; None if they are nowhere.
    """

    protocol: Protocol
    protocol_sha256: str
    versions: list[int]
    entries: list[EntryView]
    folder: Path | None = None

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
        return presentation_of(self.protocol.task).words(self.protocol)

    @property
    def takes_submissions(self) -> bool:
        """Whether models of others can enter it."""
        return task_named(self.protocol.task).submission is not None

    @cached_property
    def independent(self) -> int:
        """Samples that are independent of each other."""
        counts = [presentation_of(self.protocol.task).independent(entry.record) for entry in self.entries]
        return max(counts, default=self.protocol.data.n)

    @property
    def independent_samples(self) -> str:
        """What its independent samples are called, in the plural."""
        return "photographs" if self.independent < self.protocol.data.n else sampled(self.protocol)

    @cached_property
    def as_frozen(self) -> bool:
        """Whether this program would run its protocol as it was frozen."""
        try:
            check_program(self.protocol)
        except BenchError:
            return False
        return True

    @property
    def nothing_left(self) -> bool:
        """Whether no model that it ranks is right on any sample under attack."""
        if self.main is None or self.main.less or self.main.kind != "percent":
            return False
        return bool(self.ranked) and all(entry.values.get(self.main.key) == 0 for entry in self.ranked)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of its table."""
        return columns(self.protocol, [entry.values for entry in self.entries])

    @cached_property
    def main(self) -> Column | None:
        """The column that orders it; None if nothing was measured."""
        return next((column for column in self.columns if column.main), None)

    @cached_property
    def widest(self) -> float:
        """The largest figure of the column that orders it, with its interval, at least 1: the full length of a bar."""
        keys = [key for key in (self.main.key, self.main.high) if key] if self.main else []
        values = [entry.values.get(key, "") for entry in self.entries for key in keys]
        return max([1.0, *(value for value in values if isinstance(value, float))])

    @property
    def spiking(self) -> bool:
        """Whether it ranks spiking networks, others being its reference."""
        return any(entry.facts.spiking for entry in self.entries)

    @property
    def ranks_of(self) -> str:
        """What it ranks, in the plural."""
        return "spiking networks" if self.spiking else "models"

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
    overall = ranks(entries, protocol)
    known = {entry.name: facts(entry.card, entry.record.model) for entry in entries}
    spiking = [entry for entry in entries if known[entry.name].spiking]
    order = ranks(spiking, protocol) if spiking else overall
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
            facts=known[entry.name],
            overall=overall.get(entry.name),
            reference=bool(spiking) and not known[entry.name].spiking,
        )

    views = [entry_view(entry) for entry in best_first(entries, overall, protocol)]
    return BoardView(protocol, board.protocol_sha256, versions, views, board.folder)

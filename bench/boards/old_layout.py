"""Boards as they lay on disk in version 0.1: a folder per entry. They are read as they are; a writer migrates them first.

``entries/MODEL@VERSION/`` held ``record.json``, ``rows.parquet``, ``card.yaml`` and ``challenges/``, and
``gallery/MODEL@VERSION/`` the pictures. :mod:`bench.boards.migration` moves all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.card import EntryCard, read_entry_card
from bench.boards.challenge_record import Challenge, read_challenges
from bench.boards.naming import EntryName
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.records.storage import RECORD_FILE, read_folder
from bench.foundation.errors import BoardError
from bench.foundation.files import sha256_file

if TYPE_CHECKING:
    from bench.tasks.record import Record

ENTRIES, CARD_FILE, CHALLENGES = "entries", "card.yaml", "challenges"


def is_old(folder: Path) -> bool:
    """Whether the board in ``folder`` has a folder per entry."""
    return (folder / ENTRIES).is_dir() and not (folder / RECORDS_FILE).exists()


def entry_folder(folder: Path, name: EntryName) -> Path:
    """Where an entry lies."""
    return folder / ENTRIES / str(name)


def names(folder: Path) -> list[EntryName]:
    """All entries, sorted. Raises ``BoardError`` for a folder that is none."""
    return sorted(EntryName.parse(path.name) for path in (folder / ENTRIES).iterdir() if not path.name.startswith("."))


def read(folder: Path, name: EntryName) -> tuple[EntryCard, Record, str, list[Challenge]]:
    """Card, record, hash of the record, and challenges of an entry. Raises a ``BenchError`` if one is damaged."""
    at = entry_folder(folder, name)
    card, record = read_entry_card(at / CARD_FILE), read_folder(at)[0]
    if (card.name, card.version) != (name.model, name.version):
        raise BoardError(f"The card in {at} is of {card.name}@{card.version}.", "Restore it.")
    return card, record, sha256_file(at / RECORD_FILE), read_challenges(at / CHALLENGES)


def strays(folder: Path) -> Iterator[str]:
    """Files in the folders of entries that are no part of one."""
    for name in names(folder):
        known = {RECORD_FILE, ROWS_FILE, CARD_FILE, CHALLENGES}
        yield from (
            f"{ENTRIES}/{name}/{path.name}" for path in entry_folder(folder, name).iterdir() if path.name not in known
        )

"""What a door is: where text and bytes of others come in, what may come in there, and how it may be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from bench.foundation.errors import BenchError

Entering = Callable[[bytes, Path], object]


@dataclass(frozen=True)
class Door:
    """enter: reads an input; the folder is scratch. refusals: what it may raise."""

    inputs: st.SearchStrategy[bytes]
    enter: Entering
    refusals: tuple[type[Exception], ...] = (BenchError,)
    prepare: Callable[[Path], None] = lambda folder: None


def from_file(name: str, read: Callable[[Path], object]) -> Entering:
    """A reader of files, for bytes."""

    def enter(content: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return enter


def in_turn(*readers: Entering) -> Entering:
    """Readers each of which gets the content. Raises the last refusal if none takes it."""

    def enter(content: bytes, folder: Path) -> None:
        refusals = []
        for read in readers:
            try:
                read(content, folder)
            except BenchError as error:
                refusals.append(error)
        if len(refusals) == len(readers):
            raise refusals[-1]

    return enter


def from_text(*readers: Callable[[str], object]) -> Entering:
    """The same of readers of text."""
    return in_turn(
        *(lambda content, folder, read=read: read(content.decode("utf-8", errors="surrogatepass")) for read in readers)
    )

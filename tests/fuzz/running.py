"""Examples through a door in a process of its own, with an alarm and bounded memory; and the smallest input that fell."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from support.alarm import in_time

from fuzz.door import Door
from fuzz.doors import DOORS

LONGEST = 60
"""Seconds for one input. Machines are shared, so this tells an endless loop from a slow one, and no more."""
MOST_MEMORY = 3 * 2**30
"""Bytes of address space beyond those of the process that begins."""


@dataclass(frozen=True)
class Fallen:
    """An input that a door did not refuse as it should."""

    door: str
    content: bytes
    words: str


def enter(door: Door, content: bytes) -> None:
    """Put an input through a door. Raises whatever is not a refusal, ``TimeoutError`` and ``MemoryError`` included."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, in_time(LONGEST):
        try:
            door.enter(content, Path(name))
        except door.refusals as error:
            if "\n" in str(error).strip() and not isinstance(error, ValueError):
                raise AssertionError(f"a refusal of several lines: {error}") from error


def examine(name: str, examples: int, number: int) -> Fallen | None:
    """``examples`` inputs of a door, from the seed ``number``; the smallest that fell, or None."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        last, words = Path(folder) / "last", Path(folder) / "words"
        child = os.fork()
        if not child:
            _in_child(name, examples, number, Path(folder), last, words)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return None
        story = words.read_text(errors="replace") if words.exists() else f"the process ended with {status}"
        return Fallen(name, last.read_bytes() if last.exists() else b"", story)


def replay(name: str, content: bytes) -> str | None:
    """One input through a door in a process of its own: what fell, in words, or None."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        words = Path(folder) / "words"
        child = os.fork()
        if not child:
            status = 1
            try:
                warnings.simplefilter("ignore")
                work = Path(folder) / "work"
                work.mkdir()
                DOORS[name].prepare(work)
                enter(DOORS[name], content)
                status = 0
            except BaseException:
                words.write_text(_in_words(), errors="replace")
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return None if status == 0 else words.read_text() if words.exists() else f"the process ended with {status}"


def _in_child(name: str, examples: int, number: int, folder: Path, last: Path, words: Path) -> None:
    status = 1
    try:
        warnings.simplefilter("ignore")
        _bound_memory()
        work = folder / "work"
        work.mkdir()
        door = DOORS[name]
        door.prepare(work)
        keep = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
        )

        @seed(number)
        @keep
        @given(door.inputs)
        def input_enters(content: bytes) -> None:
            last.write_bytes(content)
            enter(door, content)

        input_enters()
        status = 0
    except BaseException:
        words.write_text(_in_words(), errors="replace")
    finally:
        sys.stdout.flush()
        os._exit(status)


def _in_words() -> str:
    """The end of the traceback, without the length of the inputs that it shows."""
    return "\n".join(line[:300] for line in traceback.format_exc().splitlines())[-6000:]


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def keep(fallen: Fallen, corpus: Path) -> Path:
    """Write an input into the corpus, under the next number of its door."""
    folder = corpus / fallen.door.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())) + 1:02d}"
    path.write_bytes(fallen.content)
    return path


def shares(examples: int) -> dict[str, int]:
    """How many of ``examples`` each door gets: the command line a fifth, the others alike."""
    others = [name for name in DOORS if name != "cli"]
    each = (examples - examples // 5) // len(others)
    return {"cli": examples - each * len(others), **dict.fromkeys(others, each)}

"""What a scenario is, and what scenarios share: the command line, and what lies in a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.submissions import state

from bench.cli.main import main
from soak.dying import Work

Result = dict[str, str]
"""What must be the same whatever happened on the way: names of parts, and their content or its hash."""


def nothing_to_say(home: Path) -> list[str]:
    """A check that finds nothing."""
    return []


@dataclass(frozen=True)
class Scenario:
    """One command. prepare: what lies in the folder before, made once.

    sound: findings about what a killed command left, before it is repeated. damage: files whose damage must be noticed or be
    without effect, as patterns.
    """

    name: str
    prepare: Callable[[Path, Path], None]
    work: Work
    result: Callable[[Path], Result]
    sound: Callable[[Path], list[str]] = nothing_to_say
    damage: tuple[str, ...] = ()


def bench(*words: str) -> None:
    """``bench WORDS`` through the entry point that a shell starts. Raises ``SystemExit`` unless it ends with 0."""
    before, sys.argv = sys.argv, ["bench", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.argv = before


def shared_with(home: Path) -> Path:
    """The folder that all cases of a scenario read and none changes: the second argument of ``prepare``."""
    return next(place for above in home.parents if (place := above / "shared").is_dir())


def hidden(name: str) -> bool:
    """Whether a file is a leftover of a killed writer, which the next writer removes."""
    return any(part.startswith(".") for part in Path(name).parts)


def every_byte(folder: str) -> Callable[[Path], Result]:
    """The bytes of every file that is no leftover."""
    return lambda home: {name: sha256 for name, sha256 in state(home / folder).items() if not hidden(name)}

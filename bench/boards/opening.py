"""Opens the model that was measured for an entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.errors import BoardError
from bench.models.opening import open_subject
from bench.models.subject import Subject

if TYPE_CHECKING:
    from bench.boards.store import Entry


@contextmanager
def subject_of(entry: Entry, submission: Path | None) -> Iterator[Subject]:
    """The entry's model: of the zoo, or of the ``submission`` folder it came from.

    Raises a ``BenchError`` if it is not at hand. The caller compares whether it is the same model.
    """
    if entry.card.kind == "zoo":
        yield open_subject(f"zoo:{entry.name.model}@{entry.name.version}")
        return
    if submission is None:
        where = f" ({entry.card.homepage})" if entry.card.homepage else ""
        raise BoardError(f"{entry.name} is a submission, not a model of the zoo.", f"Give --submission DIR{where}.")
    if entry.card.kind == "own_code":
        raise BoardError(f"{entry.name} runs code of its own.", "Score it by bench submit run, in isolation.")
    from bench.boards.submission.opening import opened

    with opened(submission) as subject:
        yield subject

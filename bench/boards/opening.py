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
    from bench.boards.submission.questioned import Questioning


@contextmanager
def subject_of(entry: Entry, submission: Path | None, asking: Questioning | None = None) -> Iterator[Subject]:
    """The entry's model: of the zoo, or of the ``submission`` folder it came from.

    asking: how own code is asked in isolation; None if the model has to be at hand, with its gradients.
    Raises a ``BenchError`` if it is not at hand. The caller compares whether it is the same model.
    """
    if entry.card.kind == "zoo":
        yield open_subject(f"zoo:{entry.name.model}@{entry.name.version}")
        return
    if submission is None:
        where = f" ({entry.card.homepage})" if entry.card.homepage else ""
        raise BoardError(f"{entry.name} is a submission, not a model of the zoo.", f"Give --submission DIR{where}.")
    if entry.card.kind == "own_code":
        if asking is None:
            raise BoardError(
                f"{entry.name} runs code of its own, which is attacked in isolation only.",
                "Name an entry without code of its own.",
            )
        from bench.boards.submission.questioned import questioned

        with questioned(submission, asking) as subject:
            yield subject
        return
    from bench.boards.submission.opening import opened

    with opened(submission) as subject:
        yield subject

"""Errors a user can act on: one sentence what went wrong, one sentence how to fix it.

The command line prints them without a traceback and exits with 2. Everything else is a
programmer's error and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Self


class BenchError(Exception):
    """Something the user can fix. what: what went wrong; fix: how to put it right; each a sentence."""

    exit_code = 2

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what, self.fix = what, fix

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """As both sentences, so that a worker's error reaches its parent whole."""
        return type(self), (self.what, self.fix)


class UnknownNameError(BenchError):
    """A name that nothing bears."""

    @classmethod
    def of(cls, kind: str, name: str, known: Sequence[str]) -> Self:
        """The error for ``name`` of a ``kind`` ("attack"), suggesting similar ones among ``known``, whatever their case."""
        if not known:
            return cls(f"Unknown {kind} {name!r}.", "There is none.")
        folded = {one.casefold(): one for one in known}
        similar = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
        if similar:
            return cls(f"Unknown {kind} {name!r}.", f"Did you mean: {', '.join(folded[one] for one in similar)}?")
        more = "" if len(known) <= 20 else f" and {len(known) - 20} more"
        return cls(f"Unknown {kind} {name!r}.", f"Known: {', '.join(known[:20])}{more}.")


class SpecError(BenchError):
    """A malformed spec, radius or parameter."""


class DataError(BenchError):
    """A data set that is missing, damaged or does not fit."""


class Remark(UserWarning):
    """What the user should know, and nothing fails for; one sentence."""


class StorageRemark(Remark):
    """Something that a file system cannot do, without which the work goes on."""


class DataRemark(Remark):
    """What whoever brought data should know, and nothing fails for: a folder that was left out, for example."""


class TooFewError(DataError):
    """A data set with fewer samples than were asked for."""


class ModelError(BenchError):
    """A model that cannot be built or does not keep its contract."""


class WeightsError(ModelError):
    """Weights that are missing or not the ones named."""


class RecordError(BenchError):
    """A record that is missing, damaged, newer, or not comparable."""


class BoardError(BenchError):
    """A board or an entry that is missing, damaged, or does not keep its protocol."""


class NoBoardsError(UnknownNameError, BoardError):
    """A folder without a single board, in which one was looked for."""


class SubmissionError(BenchError):
    """A submission that cannot be accepted as it is."""


class IsolationError(BenchError):
    """Foreign code that cannot be isolated here, or that broke a limit."""


class JournalError(BenchError):
    """A journal of another run, or one in use."""


class WorkerError(BenchError):
    """Workers that cannot be had, that would answer another question, or that keep dying."""


class StorageError(BenchError):
    """A file that cannot be written."""


def translate_os_error(error: OSError, path: Path) -> StorageError:
    """One clear sentence for what the operating system refused."""
    sentences = {
        errno.ENOSPC: (f"The disk that holds {path} is full.", "Free some space and run the same command again."),
        errno.EDQUOT: (f"The disk quota for {path} is used up.", "Free some space and run the same command again."),
        errno.EACCES: (f"There is no permission to write {path}.", "Choose another folder with --out."),
        errno.EPERM: (f"There is no permission to write {path}.", "Choose another folder with --out."),
        errno.EROFS: (f"{path} is on a read-only disk.", "Choose another folder with --out."),
        errno.EISDIR: (f"{path} is a folder.", "Remove it or choose another place."),
        errno.ENOTDIR: (f"A part of {path} is a file, not a folder.", "Remove it or choose another place."),
        errno.EEXIST: (f"{path} is in the way.", "Remove it or choose another place."),
    }
    what, fix = sentences.get(error.errno or 0, (f"{path} cannot be written ({error}).", "Choose another place with --out."))
    return StorageError(what, fix)

"""Reading a submission's folder: only the files that belong, none of them a link, copied before anything is looked at.

All later work is on the copy, so nothing can change between a check and the use of what was checked.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.boards.submission.safe_yaml import MOST_BYTES
from bench.boards.submission.schema import CODE, MANIFEST, MOST_WEIGHTS, WEIGHTS, Submission, parse
from bench.boards.submission.signature import MOST_SIGNATURE, SIGNATURE, Signed, check_signature
from bench.boards.submission.succession import check_name
from bench.foundation.errors import SubmissionError
from bench.foundation.files import sha256_file, unless_unknown

MOST_CODE = 256 * 1024
SIZES = {
    MANIFEST: MOST_BYTES,
    SIGNATURE: MOST_SIGNATURE,
    WEIGHTS: MOST_WEIGHTS,
    CODE: MOST_CODE,
    "README.md": 64 * 1024,
    "LICENSE": 64 * 1024,
}
"""All names a folder may hold, and the most bytes of each."""


def limits_text() -> str:
    """The sizes that matter, in a sentence."""
    return f"Submissions: weights of at most {SIZES[WEIGHTS] >> 20:,} MiB, code of at most {SIZES[CODE] >> 10} KiB."


@dataclass(frozen=True)
class Snapshot:
    """A verified private copy of a submission.

    folder: readable for every user, inside of a folder that only its owner can enter. signed: by the owner that it names.
    """

    folder: Path
    submission: Submission
    signed: Signed = "none"

    @property
    def weights(self) -> Path:
        """The weights, whose hash was checked."""
        return self.folder / WEIGHTS

    @property
    def code(self) -> Path:
        """The code, if it has some."""
        return self.folder / CODE


@contextmanager
def snapshot(source: Path) -> Iterator[Snapshot]:
    """A verified copy of ``source``, removed afterwards.

    Raises ``SubmissionError`` for a folder that holds anything else than it may, for links, for weights
    that are not those of the manifest or are no safetensors, and for a signature that is not its owner's.
    """
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "input"
        folder.mkdir()
        with unless_unknown(errno.EPERM, errno.EACCES):
            folder.chmod(0o755)  # an isolated process sees it as another user
        for file_name in _listed(source):
            _copy(source, file_name, folder)
        if not (folder / MANIFEST).exists():
            raise SubmissionError(f"{source} holds no {MANIFEST}.", "Start from bench submit new.")
        submission = parse((folder / MANIFEST).read_bytes())
        check_name(submission)
        _check_files(folder, submission)
        yield Snapshot(folder, submission, check_signature(folder, submission, MANIFEST))


def _listed(source: Path) -> list[str]:
    try:
        if source.is_symlink():
            raise SubmissionError(f"{source} is a link.", "Name the folder itself.")
        names = sorted(entry.name for entry in os.scandir(source))
    except OSError as error:
        raise SubmissionError(f"{source} is not a folder that can be read ({error.strerror}).", "Name one.") from error
    if strange := [name for name in names if name not in SIZES]:
        raise SubmissionError(
            f"{source.name} holds {strange[0][:60]!r}, which is no part of a submission.", f"Only {', '.join(SIZES)} are."
        )
    return names


def _copy(source: Path, name: str, target: Path) -> None:
    """Copy one file without following links."""
    try:
        # Not blocking: opening a named pipe would wait for ever.
        handle = os.open(source / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SubmissionError(f"{name} is a link or cannot be read.", "Put the file itself into the folder.") from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise SubmissionError(f"{name} is not a plain file.", "Put a plain file there.")
    with os.fdopen(handle, "rb") as file:
        if status.st_nlink > 1:
            raise SubmissionError(f"{name} is a hard link to another file.", "Put a file of its own there.")
        if status.st_size > SIZES[name]:
            raise SubmissionError(f"{name} is larger than {SIZES[name]} bytes.", "Make it smaller.")
        left = SIZES[name]
        with (target / name).open("wb") as copy:
            with unless_unknown(errno.EPERM, errno.EACCES):
                os.fchmod(copy.fileno(), 0o644)
            while left and (block := file.read(min(2**20, left))):
                left -= len(block)
                copy.write(block)


def _check_files(folder: Path, submission: Submission) -> None:
    from zoo.tensors import header_problem

    weights = folder / WEIGHTS
    if not weights.exists():
        raise SubmissionError(f"{WEIGHTS} is missing.", "Save the weights with safetensors.torch.save_file.")
    with weights.open("rb") as file:
        beginning = file.read(9)
    if beginning[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or beginning[:1] == b"<":
        raise SubmissionError(
            f"{WEIGHTS} is a pickle, an archive or a web page, not safetensors.",
            "Save the weights with safetensors.torch.save_file; nothing is unpickled here.",
        )
    size = weights.stat().st_size
    if size != submission.weights.bytes or sha256_file(weights) != submission.weights.sha256:
        raise SubmissionError(
            f"{WEIGHTS} is not the file that {MANIFEST} names.", "Correct weights.sha256 and weights.bytes there."
        )
    if problem := header_problem(beginning, size):
        raise SubmissionError(f"{WEIGHTS} cannot be read: {problem}.", "Save the weights with safetensors.torch.save_file.")
    if (submission.code is None) == (folder / CODE).exists():
        wanted = f"has {CODE}" if submission.code is None else f"has no {CODE}"
        raise SubmissionError(f"The folder {wanted}, unlike {MANIFEST} says.", f"Name it under code, or remove {CODE}.")
    named = None if submission.code is None else submission.code.sha256
    if named is not None and sha256_file(folder / CODE) != named:
        raise SubmissionError(f"{CODE} is not the file that {MANIFEST} names.", "Run bench submit hash.")

"""YAML from strangers: plain values only, and not much of it."""

from __future__ import annotations

from typing import Any

from bench.foundation.errors import SubmissionError

MOST_BYTES = 32 * 1024
FIX = "Write it like the template that bench submit new makes."


def load(content: bytes, name: str) -> Any:
    """The value of a YAML text. name: of the file, for messages.

    Raises ``SubmissionError`` if it is too large, or what :func:`zoo.plain_yaml.load_plain` refuses.
    """
    from zoo.plain_yaml import load_plain

    if len(content) > MOST_BYTES:
        raise SubmissionError(f"{name} is larger than {MOST_BYTES // 1024} KiB.", FIX)
    try:
        return load_plain(content)
    except ValueError as error:
        raise SubmissionError(f"{name} is not YAML that is accepted: {error}.", FIX) from error

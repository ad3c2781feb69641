"""Finds the parts of a text that name a paper on arXiv, so that they can be links."""

from __future__ import annotations

import re
from collections.abc import Iterator

ARXIV = re.compile(r"\barXiv[ :]\s?(\d{4}\.\d{4,5})(?!\d)")


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """``text`` in pieces: (words, address), an empty address for words that name nothing. Joined they are the text."""
    end = 0
    for match in ARXIV.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], ""
        yield match[0], f"https://arxiv.org/abs/{match[1]}"
        end = match.end()
    if end < len(text):
        yield text[end:], ""

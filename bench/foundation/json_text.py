"""JSON text on one line, and the same text with one value a line: only spaces differ, never a digit.

Parsing and printing would not do: one program writes ``1e-6`` and another ``1e-06``, and the hash of a text is of its bytes.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_EMPTY = {"{": "}", "[": "]"}


def on_one_line(text: str) -> str:
    """JSON ``text`` without spaces and line breaks, except inside strings."""
    return "".join(_TOKEN.findall(text))


def indented(text: str) -> str:
    """JSON ``text`` with one value a line, as ``json.dumps(..., indent=1)`` and pydantic lay it out."""
    parts: list[str] = []
    depth, previous = 0, ""
    for token in _TOKEN.findall(text):
        if token in ("}", "]"):
            depth -= 1
            if _EMPTY.get(previous) != token:
                parts.append("\n" + " " * depth)
        elif previous in ("{", "[", ","):
            parts.append("\n" + " " * depth)
        elif previous == ":":
            parts.append(" ")
        parts.append(token)
        if token in _EMPTY:
            depth += 1
        previous = token
    return "".join(parts)

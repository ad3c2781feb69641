"""Values of options that are handed on to another library, from the text in which they were given."""

from __future__ import annotations


def typed(text: str) -> bool | int | float | str:
    """A truth value or a number if the text reads as one, else the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

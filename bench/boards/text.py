"""Words that strangers write: plain text and https links, so that no table, page or spreadsheet can be tricked by them."""

from __future__ import annotations

import unicodedata
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bench.foundation.escaping import begins_formula, is_hidden


def plain(text: str) -> str:
    """``text`` if it is plain. Raises ``ValueError`` for markup, formulas, control and direction-changing characters."""
    if any(map(is_hidden, text)):
        raise ValueError("control and invisible characters are not allowed")
    if not {"<", ">"}.isdisjoint(unicodedata.normalize("NFKC", text)):
        raise ValueError("'<' and '>' are not allowed: plain text, no markup")
    if begins_formula(text):
        raise ValueError("text must not begin with =, +, - or @, which spreadsheets run")
    if text != text.strip():
        raise ValueError("text must not begin or end with a space")
    return text


def link(text: str) -> str:
    """``text`` if it is an https address or empty. Raises ``ValueError`` otherwise."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError("not a link") from error
    harmless = all(33 <= ord(character) <= 126 and character not in "\"'<>\\^`{|}" for character in text)
    if parts.scheme != "https" or "." not in host or parts.username is not None or not harmless:
        raise ValueError("a link begins with https:// and names a host")
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(plain)]
"""One line of plain text."""
Note = Annotated[str, Field(max_length=2000), AfterValidator(plain)]
"""Some plain text, or none."""
Link = Annotated[str, Field(max_length=500), AfterValidator(link)]
"""An https address, or nothing."""

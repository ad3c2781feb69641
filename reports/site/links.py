"""The only links the site makes out of what others wrote."""

from __future__ import annotations

from urllib.parse import urlsplit


def web(address: str) -> str:
    """``address`` if it is an absolute http(s) one, else an empty string: no script, no data, no file."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    harmless = all(33 <= ord(character) <= 126 and character not in "\"'<>\\^`{|}" for character in address)
    return address if parts.scheme in ("http", "https") and parts.hostname and harmless else ""

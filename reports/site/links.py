"""Checks addresses that others wrote before the site links to them."""

from __future__ import annotations

from urllib.parse import urlsplit


def web(address: str) -> str:
    """``address`` if it is an absolute http(s) address, else an empty string, also for scripts, data and files."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    harmless = all(33 <= ord(character) <= 126 and character not in "\"'<>\\^`{|}" for character in address)
    return address if parts.scheme in ("http", "https") and parts.hostname and harmless else ""

"""A BibTeX entry for an entry of a board, to copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from reports.site.view import EntryView

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "#$%&_"},
}
"""Characters that mean something to TeX."""


def escaped(text: str) -> str:
    """``text`` in one line, so that TeX sets it as it is and BibTeX finds its braces in pairs."""
    return "".join(SPECIAL.get(character, character) for character in " ".join(text.split()))


def bibtex(entry: EntryView, protocol: Protocol) -> str:
    """The entry of a model on a board, with the hash of its record; the paper of its defense is named in the note."""
    place = f"{protocol.board} v{protocol.version}"
    key = re.sub(r"[^a-zA-Z0-9]+", "_", f"spikebench_{place}_{entry.name}").strip("_")
    authors = " and ".join("{" + escaped(author) + "}" for author in entry.card.authors)
    note = f"{place}, entry {entry.name}, record sha256 {entry.record_sha256[:16]}"
    if entry.card.paper.title:
        note += f"; defense: {entry.card.paper.title}"
    fields = {
        "title": "{" + escaped(f"{entry.title} on {protocol.title}") + "}",
        "author": authors or "{spikebench maintainers}",
        "year": str(entry.card.submitted.year),
        "howpublished": escaped("spikebench, adversarial robustness of spiking networks, measured"),
        "note": escaped(note),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key},", *lines, "}"])

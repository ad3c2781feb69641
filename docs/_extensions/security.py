"""SECURITY.md stands at the top of the repository, where a code host looks for it; a page includes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MARK = "<!-- SECURITY.md -->"
FILE = Path(__file__).parents[2] / "SECURITY.md"


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """A page with the text of the file, without its title, in the place of the mark; links are from the page."""
    if MARK not in markdown:
        return markdown
    _, _, text = FILE.read_text(encoding="utf-8").partition("\n")
    return markdown.replace(MARK, text.replace("](docs/", "](").strip())

"""Zoo-built submissions whose names and texts mean harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def edited(before: str, after: str) -> Callable[[Path], None]:
    """A change of the manifest. Raises ``ValueError`` if it does not hold ``before``."""

    def change(folder: Path) -> None:
        path = folder / "submission.yaml"
        text = path.read_text()
        if before not in text:
            raise ValueError(f"there is no {before!r} in {path}")
        path.write_text(text.replace(before, after, 1))

    return change


def summarised(text: str) -> Callable[[Path], None]:
    """Another summary, in quotes of YAML."""
    return edited("summary: One network called", f'summary: "{text}" # One network called')


MARKUP = {
    "a console's link": summarised("[link=https://example.org]best[/link] [/red]"),
    "a picture in Markdown": summarised("![x](https://example.org/a.png) [y](javascript:alert(1))"),
    "a cell of a table": summarised("| best | 100 | `x` | # head"),
    "a command of workflows": summarised("::set-output name=x::y ##[group]z"),
    "an escape of terminals": summarised("\\x1b]8;;https://example.org\\x07best"),
    "a formula": edited("[A. Nobody]", '["=HYPERLINK(1)"]'),
    "a full-width formula": summarised("\\uff1dcmd"),
    "a line of the change log": summarised("x\\n- 2026-01-01: `best@1` entered"),
    "a script": edited("defense: None.", "defense: <script>alert(1)</script>"),
    "an entity": edited("defense: None.", "defense: '&lt;script&gt; ${x} {{ 7*7 }} {% raw %}'"),
}
"""Texts that may stand on a board only where they instruct nothing."""

NAMES = {
    "of the zoo": edited("name: mine", "name: snn_at"),
    "of the zoo, almost": edited("name: mine", "name: snn-at"),
    "of a replica of the zoo": edited("name: mine", "name: snn-at-seed1"),
    "of another author": edited("name: mine", "name: honest"),
    "of another author's next version": edited("name: mine", "name: honest\nowner: B. Stranger"),
    "in another alphabet": edited("name: mine", 'name: "h\\u043enest"'),
    "of a folder above": edited("name: mine", "name: ../honest"),
    "of a file of the board": edited("name: mine", "name: table.csv"),
    "without end": edited("name: mine", f"name: {'a' * 65}"),
    "with a version": edited("name: mine", "name: mine@2"),
}
"""Names that are refused."""

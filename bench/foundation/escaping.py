"""The one door for text of strangers on its way out: terminal, Markdown, CSV.

What a model, a record, a card or a file says is shown as it is, and never as an instruction to whatever shows it: rich's
markup, escape sequences, workflow commands of continuous integration, Markdown, and formulas of spreadsheets. HTML goes
through a template engine that escapes by itself. What may be *accepted* from a stranger is stricter, and said in
:mod:`bench.boards.text`.
"""

from __future__ import annotations

import re
import unicodedata

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins like this is a formula to a spreadsheet."""
INVISIBLE = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),
)
"""Ranges of characters that are shown as nothing, though their category says letter, mark or unassigned.

Unicode 15, property ``Default_Ignorable_Code_Point``, and the empty Braille cell.
"""
_CONTROL = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=\bwww)\.", re.IGNORECASE)
_BLOCK = re.compile(r"^(\d+(?=[.)])|(?=[-+=#>:]))")


def is_hidden(character: str) -> bool:
    """Whether a character controls the output or is shown as nothing; a line break is one, too."""
    number = ord(character)
    return (
        unicodedata.category(character) in _CONTROL
        or number & 0xFFFE == 0xFFFE
        or any(first <= number <= last for first, last in INVISIBLE)
    )


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet may take ``text`` for a formula: also with full-width signs, and after what is not seen."""
    seen = "".join(character for character in unicodedata.normalize("NFKC", text) if not is_hidden(character))
    return text.startswith(FORMULA) or seen.lstrip().startswith(FORMULA)


def one_line(text: object, most: int = 200) -> str:
    """Foreign text as one line of at most ``most`` visible characters; hidden ones become question marks."""
    flat = " ".join(str(text).split())
    return "".join(character if character.isprintable() and not is_hidden(character) else "?" for character in flat)[:most]


def for_terminal(text: str) -> str:
    """Lines for a terminal or a log: no escape sequences, and no line that continuous integration takes for a command.

    Such commands are ``::name::`` at the beginning of a line and ``##[name]`` anywhere.
    """
    lines = "\n".join("".join("?" if is_hidden(c) and c != "\t" else c for c in line) for line in text.split("\n"))
    return _COMMAND.sub(r"\1: ", lines).replace("##[", "## [")


def for_markdown(text: str) -> str:
    """One line of Markdown, in a paragraph or in a cell of a table, that shows ``text``."""
    flat = one_line(text, len(text))
    return _BLOCK.sub(r"\1\\", _MARKDOWN.sub(r"\\\g<0>", flat))


def for_code(text: str) -> str:
    """``text`` between backticks, for a cell of a table or anywhere else in a line of Markdown."""
    return f"`{one_line(text, len(text)).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def for_csv(text: str) -> str:
    """``text`` as a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if begins_formula(text) else text

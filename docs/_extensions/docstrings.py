"""How the docstrings of this project become Markdown: parameters as a list, code in single backticks, no roles of Sphinx.

A docstring names parameters where it speaks of them, ``name: what it is.``, several of them in a line. Every such name that
the object has begins an item of a list. ``Raises`` begins a paragraph.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`~?(?:[^`<]*<)?([^`>]*)>?`")


def to_markdown(text: str, names: set[str]) -> str:
    """Markdown for a docstring ``text`` of an object whose parameters or fields are ``names``."""
    text = _ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2] or match[1]}`", text).replace("``", "`")
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(_paragraph(paragraph, names) for paragraph in paragraphs)


def _paragraph(paragraph: str, names: set[str]) -> str:
    """A paragraph as it is, if it is an indented example or names no parameter; otherwise its parameters as a list."""
    if all(line.startswith("    ") for line in paragraph.splitlines()):
        return paragraph
    if not names:
        return paragraph
    known = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    begins = re.compile(rf"(?:^|(?<=[.,;] ))((?:{known})(?:, (?:{known}))*): ")
    flat = " ".join(line.strip() for line in paragraph.splitlines())
    if not begins.search(flat):
        return paragraph
    listed = re.sub(r" (Raises )", r"\n\n\1", begins.sub(r"\n\n- **\1**: ", flat))
    return re.sub(r" +\n", "\n", listed).strip()


class MarkdownDocstrings(griffe.Extension):
    """Rewrites each docstring once its object and the object's members are known."""

    def on_function(self, *, func: griffe.Function, **kwargs: Any) -> None:
        self._rewrite(func, {parameter.name for parameter in func.parameters})

    def on_class(self, *, cls: griffe.Class, **kwargs: Any) -> None:
        self._rewrite(cls, {name for name in cls.members if not name.startswith("_")})

    def on_attribute(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        self._rewrite(attr, set())

    def on_module(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        self._rewrite(mod, set())

    def _rewrite(self, obj: griffe.Object, names: set[str]) -> None:
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value, names)

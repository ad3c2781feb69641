"""The attacks of a frozen protocol in words: ``PGD(steps=10, target=None)`` is PGD with 10 steps."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Piece:
    """A search or a gradient path. settings: names and values that say something; defaults that say nothing are left out."""

    name: str
    settings: list[tuple[str, str]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Name and settings in one line."""
        listed = ", ".join(f"{name} {value}" for name, value in self.settings)
        return f"{self.name}: {listed}" if listed else self.name


def piece(text: str) -> Piece:
    """What a frozen text such as ``Square(queries=300, share=0.8)`` says; a text of another form is a name."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Piece(text)
    if not isinstance(call, ast.Call):
        return Piece(text)
    settings = [(keyword.arg or "", _value(keyword.value)) for keyword in call.keywords]
    settings += [("", _value(argument)) for argument in call.args]
    return Piece(_name(call.func), [(name.replace("_", " "), value) for name, value in settings if value])


def plainly(text: str) -> str:
    """``text`` with each ``Name(key=value, ...)`` in it in words."""
    return re.sub(r"\b[A-Z]\w*\([^()]*\)", lambda call: piece(call[0]).words, text)


def _name(node: ast.expr) -> str:
    return "the model's own gradient" if (name := ast.unparse(node)) == "Training" else NAMES.get(name, name)


NAMES = {
    "SAPGD": "SA-PGD",
    "LastStep": "last step only",
    "Corners": "search among corners",
    "BlindCorners": "search among corners without gradients",
    "LearningCorners": "search among corners that learns",
    "NearCorners": "search among corners that stays with near samples",
}
"""Class names whose usual name is another."""


def _value(node: ast.expr) -> str:
    """A value as a person writes it; nothing for one that is not set."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return ""
        if isinstance(node.value, bool):
            return "yes" if node.value else "no"
        return f"{node.value:g}" if isinstance(node.value, float) else str(node.value).replace("_", " ")
    if isinstance(node, ast.Tuple | ast.List):
        return ", ".join(filter(None, map(_value, node.elts)))
    if isinstance(node, ast.Call):
        return piece(ast.unparse(node)).words
    return ast.unparse(node)

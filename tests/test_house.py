"""The house: how large files and functions may be, what stands at the top of bench, and that imports run in no circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("attacks", "zoo", "bench", "reports")
FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
LINES, FUNCTION_LINES, TOP_NAMES = 300, 60, 12


def test_no_file_holds_two_ideas() -> None:
    too_long = {str(path.relative_to(ROOT)): n for path in FILES if (n := len(path.read_text().splitlines())) > LINES}
    assert not too_long


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring and its signature."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}::{function.name}"
        for path in FILES
        for function in _functions(path)
        if _lines(function) > FUNCTION_LINES
    ]
    assert not too_long


def test_the_top_of_bench_can_be_seen_at_a_glance() -> None:
    names = sorted(path.name for path in (ROOT / "bench").iterdir() if path.name != "__pycache__")
    assert len(names) <= TOP_NAMES, names


def test_every_public_definition_says_what_it_is() -> None:
    missing = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and ast.get_docstring(node) is None:
                missing.append(f"{path.relative_to(ROOT)}::{node.name}")
    assert not missing


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in FILES}


def _imported(path: Path) -> set[str]:
    """Modules of this project that ``path`` imports when it is imported; not those for types, or inside functions."""
    names: set[str] = set()
    pending: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.If | ast.Try | ast.With):
            pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return names & set(MODULES)


@pytest.mark.parametrize("floor", FLOORS)
def test_no_imports_run_in_circles(floor: str) -> None:
    graph = {name: _imported(path) - {name} for name, path in MODULES.items() if name.partition(".")[0] == floor}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for imported in graph[name] & set(graph):
                visit(imported, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())

"""The notebooks of the documentation run from their first cell to the last, and are stored without outputs."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def run_cell(source: str, module: ModuleType) -> object:
    """Run a cell in a module's name space; returns the value of its last line, which a notebook would show."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, module.__name__, "exec"), module.__dict__)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), module.__name__, "eval"), module.__dict__)


def test_there_are_two_notebooks_and_a_page_that_links_to_both() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["comparing-defenses", "own-model"]
    page = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in page for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_and_without_commands_of_a_shell(path: Path) -> None:
    for cell in cells_of(path):
        assert cell["cell_type"] in ("markdown", "code")
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            assert not [line for line in cell["source"] if line.startswith(("!", "%"))]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_every_figure_is_a_picture(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"notebook_{path.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    values = [run_cell("".join(cell["source"]), module) for cell in cells_of(path) if cell["cell_type"] == "code"]
    pictures = [value._repr_svg_() for value in values if hasattr(value, "_repr_svg_")]
    assert pictures and all("<svg" in picture for picture in pictures)
    assert list(tmp_path.glob("records/*/record.json"))
    assert "clean" in capsys.readouterr().out

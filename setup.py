"""Adds the boards to a wheel, as ``bench/leaderboards``; everything else about the package is in ``pyproject.toml``.

A wheel holds the newest version of each board, the claims and the measures of the zoo. Older versions, drafts and the
records behind the tables of the documentation stay in the repository.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BOARDS = Path(__file__).parent / "leaderboards"
FILES = ("README.md", "claims.yaml")


def newest_versions(boards: Path) -> list[Path]:
    """The folder ``vN`` of each board with the largest N."""
    newest: dict[Path, Path] = {}
    for protocol in boards.glob("*/v*/protocol.yaml"):
        folder = protocol.parent
        if re.fullmatch(r"v[1-9][0-9]*", folder.name):
            known = newest.get(folder.parent)
            if known is None or int(known.name[1:]) < int(folder.name[1:]):
                newest[folder.parent] = folder
    return sorted(newest.values())


def copy_boards(target: Path) -> None:
    """Fill ``target`` anew."""
    shutil.rmtree(target, ignore_errors=True)
    for folder in (*newest_versions(BOARDS), BOARDS / "measures"):
        shutil.copytree(folder, target / folder.relative_to(BOARDS), ignore=shutil.ignore_patterns("unfinished"))
    for name in FILES:
        shutil.copy(BOARDS / name, target)


class WithBoards(build_py):
    """``build_py``, and the boards."""

    def run(self) -> None:
        """Build; an editable installation reads the boards where they are."""
        super().run()
        if not self.editable_mode:
            copy_boards(Path(self.build_lib) / "bench" / "leaderboards")


if __name__ == "__main__":
    setup(cmdclass={"build_py": WithBoards})

"""The package away from its repository: what a wheel brings along, and what may be written there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from support.program import Program

from bench.boards import store
from bench.boards.store import Board, boards, boards_root, boards_to_write, versions
from bench.foundation.errors import BoardError
from bench.studies.claims.claim import read_claims

ROOT = Path(__file__).parents[1]


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The boards as a wheel brings them, where an installed package has them, seen from another folder."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("setup_of_the_package", ROOT / "setup.py")
    assert spec is not None and spec.loader is not None
    setup = module_from_spec(spec)
    spec.loader.exec_module(setup)
    target = tmp_path / "site-packages" / "bench" / "leaderboards"
    setup.copy_boards(target)
    monkeypatch.setattr(store, "PACKAGED", target)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return target


def test_a_wheel_brings_the_newest_boards_the_claims_and_the_measures(packaged: Path) -> None:
    source = ROOT / "leaderboards"
    names = {board.name for board in boards(source)}
    assert boards(packaged) == [
        Board(name, newest := versions(source, name)[-1], packaged / name / f"v{newest}") for name in sorted(names)
    ]
    assert all(board.protocol() and len(board.names()) == len(board.cards()) for board in boards(packaged))
    assert read_claims(packaged) == read_claims(source) != {}
    measures = [sorted(path.name for path in (root / "measures").iterdir()) for root in (packaged, source)]
    assert measures[0] == measures[1] != []


def test_they_are_read_unless_there_are_others_here(packaged: Path) -> None:
    assert boards_root() == packaged
    Path("leaderboards").mkdir()
    assert boards_root() == Path("leaderboards") == boards_to_write()
    assert boards_root(Path("mine")) == Path("mine") == boards_to_write(Path("mine"))


def test_they_are_not_written_to(packaged: Path) -> None:
    for root in (None, packaged, packaged / ".." / "leaderboards"):
        with pytest.raises(BoardError, match=r"not changed.*bench board copy leaderboards"):
            boards_to_write(root)


def test_those_of_a_checkout_are_not_written_to_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A submission that is tried in a folder of one's own does not enter the boards that everybody shares."""
    monkeypatch.setattr(store, "PACKAGED", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    assert boards_root() == store.CHECKOUT
    with pytest.raises(BoardError, match=r"no folder leaderboards here.*bench board copy leaderboards"):
        boards_to_write()
    assert boards_to_write(store.CHECKOUT) == store.CHECKOUT


@pytest.mark.parametrize(
    "line", ["board render", "board fill snn-cifar10-linf", "claims --run", "measure zoo:ann_at --publish"]
)
def test_commands_that_write_say_how_to_get_boards_of_ones_own(packaged: Path, program: Program, line: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in packaged.rglob("*")}
    ended = program(*line.split())
    assert ended.code == 2 and "bench board copy leaderboards" in ended.err and not ended.out
    assert {path: path.stat().st_mtime_ns for path in packaged.rglob("*")} == before


def test_a_copy_is_written_to(packaged: Path, program: Program) -> None:
    packaged.joinpath("claims.yaml").chmod(0o444)  # as some systems install packages
    assert program("board", "copy", "leaderboards").code == 0
    assert boards_to_write() == Path("leaderboards")
    assert read_claims(Path("leaderboards")) == read_claims(packaged)
    assert os.access("leaderboards/claims.yaml", os.W_OK)
    again = program("board", "copy", "leaderboards")
    assert again.code == 2 and "exists already" in again.err


@pytest.mark.parametrize("line", ["board ls", "board verify", "board show snn-cifar10-linf", "claims"])
def test_a_folder_without_boards_is_an_error(program: Program, tmp_path: Path, line: str) -> None:
    ended = program(*line.split(), "--boards", tmp_path)
    assert ended.code == 2 and not ended.out
    assert str(tmp_path) in ended.err and "--boards" in ended.err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_installed_wheel_works_outside_the_repository(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("spikebench-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "work").mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}

    def bench(*words: str) -> str:
        program = [sys.executable, "-m", "bench.cli.main", *words]
        return subprocess.run(
            program, cwd=tmp_path / "work", env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert "snn-cifar10-linf/v" in bench("board", "ls")
    assert "reproduced" in bench("claims")
    (line,) = (line for line in bench("ls", "models").splitlines() if "zoo:ann_at " in line)
    assert "-" not in line.split()[3:6]
    assert "robust" in bench("evaluate", "--model", "zoo:snn_vanilla", "--attack", "fgsm", "--n", "2", "--json")
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["records"]


def test_the_image_is_built_from_what_is_here() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    sources = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert sources == [".", "constraints.txt"] and all((ROOT / source).exists() for source in sources)
    needed = {
        "pyproject.toml",
        "setup.py",
        "README.md",
        "LICENSE",
        "NOTICE",
        "leaderboards",
        "attacks",
        "zoo",
        "bench",
        "reports",
    }
    ignored = set((ROOT / ".containerignore").read_text().split())
    assert not needed & ignored


def test_the_image_has_a_fixed_base_and_runs_the_command_as_nobody_in_particular() -> None:
    lines = [line.partition(" ") for line in (ROOT / "Containerfile").read_text().splitlines()]
    bases = {rest.partition(" AS ")[0] for word, _, rest in lines if word == "FROM"}
    assert len(bases) == 1 and all(re.fullmatch(r"[a-z/]+:\d[\w.-]*", base) for base in bases)
    users = [rest for word, _, rest in lines if word == "USER"]
    assert users == ["bench"] and any("useradd" in rest and rest.endswith(" bench") for _, _, rest in lines)
    (entry,) = (rest for word, _, rest in lines if word == "ENTRYPOINT")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(json.loads(entry)) <= scripts.keys()


@pytest.mark.parametrize("template", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_issue_templates_are_forms(template: Path) -> None:
    form = yaml.safe_load(template.read_text())
    if template.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= form.keys()
    for part in form["body"]:
        assert part["type"] in ("input", "textarea") and part["attributes"]["label"]

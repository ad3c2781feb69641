"""What once fell through a door is refused now; and a few inputs of each door, each time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import Phase, find, settings

from fuzz import guided
from fuzz.commands import LEAVES, VALUES
from fuzz.door import Door
from fuzz.doors import DOORS
from fuzz.running import enter, examine, shares

pytestmark = pytest.mark.timeout(600)
CORPUS = sorted(path for path in (Path(__file__).parent / "corpus").rglob("*") if path.is_file())
NAMES = {name.replace(" ", "_"): name for name in DOORS}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_fell_is_refused(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = NAMES[path.parent.name]
    if name == "cli":  # its door changes the process
        from fuzz.running import replay

        assert replay(name, path.read_bytes()) is None
        return
    enter(DOORS[name], path.read_bytes())


@pytest.mark.parametrize("name", [name for name in DOORS if name != "cli"])
def test_a_few_inputs_of_each_door(name: str) -> None:
    assert examine(name, 5, 0) is None


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", [name for name in DOORS if name != "cli"])
def test_a_door_lets_something_in(name: str, tmp_path: Path) -> None:
    """Changes to inputs that are refused as they are would reach no further than the refusal."""
    door = DOORS[name]

    def enters(content: bytes) -> bool:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            try:
                door.enter(content, Path(folder))
            except door.refusals:
                return False
        return True

    find(door.inputs, enters, settings=settings(max_examples=300, database=None, phases=[Phase.generate]))


def test_without_atheris_the_guided_search_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    ended = CliRunner().invoke(guided.main, ["--only", "yaml"])
    assert ended.exit_code == 1 and "pip install atheris" in ended.output


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
def test_the_guided_search_runs() -> None:
    words = [sys.executable, "-m", "fuzz.guided", "--seconds", "2", "--only", "yaml"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    ended = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert re.fullmatch(r"yaml: \d+ inputs, \d+ s, held\n", ended.stdout)


def test_a_door_that_does_not_hold_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, a process that dies, and a refusal of several lines."""
    good = DOORS["spec"].inputs
    doors = {
        "KeyError": Door(good, lambda content, folder: {}[content]),
        "ended with": Door(good, lambda content, folder: os._exit(77)),
        "MemoryError": Door(good, lambda content, folder: bytearray(2**40)),
    }
    for words, door in doors.items():
        monkeypatch.setitem(DOORS, "planted", door)
        fallen = examine("planted", 3, 0)
        assert fallen is not None and words in fallen.words


def test_every_verb_is_fuzzed() -> None:
    assert len(LEAVES) > 25
    known = {parameter.name for _, command in LEAVES for parameter in command.params}
    assert set(VALUES) <= known
    assert sum(shares(10_000).values()) == 10_000

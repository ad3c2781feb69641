"""What once fell through a door is refused now; and a few inputs of each door, each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.commands import LEAVES, VALUES
from fuzz.doors import DOORS, Door
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


def test_a_door_that_does_not_hold_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, a process that dies, and a refusal of several lines."""
    import os

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

"""One case: a copy of a folder, deaths on the way, the same command again, and what came of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from soak.children import Child, Ended, found_by, run
from soak.dying import Death
from soak.scenario import Result, Scenario
from soak.warming import import_what_it_imports

PAGE = 4096


@dataclass(frozen=True)
class Outcome:
    """What became of a case. lost: a sentence for each thing that is not as it should be. kills: processes that died."""

    lost: list[str]
    kills: int = 0


@dataclass(frozen=True)
class Ready:
    """A scenario, prepared.

    wanted: what an undisturbed command leaves. operations, seconds: that it took. room: bytes and files that lie there then.
    """

    scenario: Scenario
    place: Path
    wanted: Result = field(default_factory=dict)
    operations: int = 0
    seconds: float = 0.0
    room: tuple[int, int] = (0, 0)

    @property
    def template(self) -> Path:
        """What each case begins with."""
        return self.place / "template"

    @contextmanager
    def copy(self, name: str = "case") -> Iterator[Path]:
        """A folder that begins as the scenario does, removed afterwards."""
        home = self.place / name
        shutil.copytree(self.template, home, symlinks=True)
        try:
            yield home
        finally:
            shutil.rmtree(home)


def ready(scenario: Scenario, place: Path) -> Ready:
    """Prepare a scenario and see what it leaves twice. Raises ``AssertionError`` if the two differ."""
    template = place / "template"
    template.mkdir(parents=True)
    nowhere = io.StringIO()
    with contextlib.chdir(template), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        scenario.prepare(template, place / "shared")
    with Ready(scenario, place).copy() as home:
        import_what_it_imports(lambda folder: _everything(scenario, folder), home)
    first: Ready | None = None
    for number in range(2):
        made = Ready(scenario, place)
        with made.copy(f"undisturbed{number}") as home:
            ended = run(scenario.work, home)
            assert ended.status == 0, f"{scenario.name} does not work undisturbed: {ended.words[-3000:]}"
            made = Ready(scenario, place, left_in(scenario, home), ended.operations, ended.seconds, used(home))
        unlike = [] if first is None else _unlike(made.wanted, first.wanted)
        assert not unlike, f"{scenario.name} leaves something else each time: {'; '.join(unlike)}"
        first = made
    assert first is not None and first.wanted, f"{scenario.name} leaves nothing"
    return first


def _everything(scenario: Scenario, home: Path) -> None:
    """The command, and all that is asked about what it leaves."""
    scenario.work(home)
    scenario.result(home)
    scenario.sound(home)


def used(folder: Path) -> tuple[int, int]:
    """(bytes in whole pages, files and folders) below a folder."""
    paths = list(folder.rglob("*"))
    return sum(-(-path.lstat().st_size // PAGE) * PAGE for path in paths), len(paths)


def left_in(scenario: Scenario, home: Path) -> Result:
    """What a command left, as a process of its own reads it. Raises ``AssertionError`` if it cannot be read."""
    path = home.with_name(f"{home.name}.json")
    ended = run(lambda folder: path.write_text(json.dumps(scenario.result(folder))) and None, home)
    assert ended.status == 0, ended.words[-3000:]
    result: Result = json.loads(path.read_text())
    path.unlink()
    return result


def death_number(made: Ready, number: int) -> Death:
    """The death of case ``number``: operation by operation, first by kills, then by losses of power, then at random."""
    if number < 2 * made.operations:
        return Death(number % made.operations, power=number >= made.operations, seed=number)
    chance = random.Random(f"{made.scenario.name} {number}")
    return Death(chance.randrange(made.operations), power=chance.random() < 0.5, seed=number)


def disturbed(made: Ready, number: int) -> Outcome:
    """Case ``number``: up to three deaths in a row, then the command in peace."""
    chance = random.Random(f"{made.scenario.name} again {number}")
    deaths = chance.choice((1, 1, 1, 2, 3))
    story: list[str] = []
    kills = 0
    with made.copy() as home:
        for which in range(deaths):
            if chance.random() < 0.25:
                seconds = chance.uniform(0, made.seconds)
                ended, how = killed_after(made, home, seconds), f"kill after {seconds:.3f} s"
            else:
                death = death_number(made, number if not which else chance.randrange(10**6))
                ended, how = run(made.scenario.work, home, death), str(death)
            story.append(f"{how} -> {ended.status}")
            kills += ended.killed
            if not ended.acceptable and not ended.killed:
                return Outcome([f"{'; '.join(story)}: {ended.words[-1500:]}"], kills)
            if wrong := found_by(made.scenario.sound, home):
                return Outcome([f"{'; '.join(story)}: not sound: {wrong[:3]}"], kills)
        return Outcome([f"{'; '.join(story)}: {finding}" for finding in finishes(made, home)], kills)


def finishes(made: Ready, home: Path) -> list[str]:
    """Findings after the command was run in peace: it must end with 0 and leave what it always leaves."""
    ended = run(made.scenario.work, home)
    if ended.status:
        return [f"the same command ended with {ended.status}: {ended.words[-1500:]}"]
    return differences(made, home)


def differences(made: Ready, home: Path) -> list[str]:
    """What is there and should not be, is missing, or is something else."""
    try:
        left = left_in(made.scenario, home)
    except AssertionError as error:
        return [f"what it left cannot be read: {error}"]
    return _unlike(left, made.wanted)


def _unlike(left: Result, wanted: Result) -> list[str]:
    """The first three parts in which the two differ, from where they begin to differ."""
    names = sorted(name for name in {*left, *wanted} if left.get(name) != wanted.get(name))
    return [f"{name} is {_from_there(left.get(name), wanted.get(name))}" for name in names[:3]]


def _from_there(text: str | None, other: str | None) -> str:
    if text is None or other is None:
        return f"{str(text)[:200]}, not {str(other)[:200]}"
    place = next((place for place, (left, right) in enumerate(zip(text, other, strict=False)) if left != right), 0)
    start = max(place - 60, 0)
    return f"{text[start : start + 200]}, not {other[start : start + 200]}"


def killed_after(made: Ready, home: Path, seconds: float) -> Ended:
    """Kill the command after so many seconds."""
    child = Child.start(made.scenario.work, home)
    time.sleep(seconds)
    os.kill(child.pid, signal.SIGKILL)
    return child.wait()

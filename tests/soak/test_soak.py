"""The soak itself: deaths come where they should, and a command that loses something is found out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from bench.foundation.errors import BenchError
from bench.foundation.files import atomic_write_text
from soak.cases import Outcome, Ready, disturbed, ready
from soak.children import FAILED, REFUSED, run
from soak.crowds import crowded
from soak.disks import can_mount, starved
from soak.dying import Death
from soak.flips import bitten
from soak.scenario import Scenario, bench, every_byte
from soak.scenarios import SCENARIOS
from soak.warming import import_what_it_imports

pytestmark = pytest.mark.timeout(600)


def nothing(home: Path, shared: Path) -> None:
    (home / "out").mkdir()


def careful(home: Path) -> None:
    """Two files, each complete or absent."""
    for name in ("a", "b"):
        atomic_write_text(home / "out" / name, name * 20_000)


def careless(home: Path) -> None:
    """A file that counts as finished once it is there."""
    path = home / "out" / "a"
    if not path.exists():
        with path.open("w") as file:
            file.write("a" * 20_000)
            file.flush()
            (home / "out" / "mark").mkdir(exist_ok=True)
            file.write("b" * 20_000)


def unsynced(home: Path) -> None:
    """The same by a rename, which outlives a loss of power, while what was renamed does not."""
    path = home / "out" / "a"
    if not path.exists():
        path.with_name("b").write_text("a" * 20_000)
        path.with_name("b").rename(path)
        (home / "out" / "mark").mkdir(exist_ok=True)


def scenario(work: object, **more: object) -> Scenario:
    return Scenario("planted", nothing, work, every_byte("out"), **more)  # type: ignore[arg-type]


def lost(kind: Callable[[Ready, int], Outcome], made: Ready, numbers: Iterable[int]) -> list[str]:
    return [finding for number in numbers for finding in kind(made, number).lost]


def test_each_operation_is_a_place_to_die(tmp_path: Path) -> None:
    def home(name: str) -> Path:
        """A new place: what a killed writer left would be one more operation of the next."""
        (tmp_path / name / "out").mkdir(parents=True)
        return tmp_path / name

    whole = run(careful, home("whole"))
    assert (whole.status, whole.words) == (0, "")
    assert whole.operations >= 2 * 4  # create, fsync, rename, fsync of the folder
    for at in range(whole.operations):
        assert run(careful, home(str(at)), Death(at)).killed
    assert run(careful, home("after"), Death(whole.operations)).status == 0


def test_how_it_ends(tmp_path: Path) -> None:
    def refused(home: Path) -> None:
        raise BenchError("It cannot.", "Do not.")

    assert run(refused, tmp_path).status == REFUSED
    assert "ZeroDivisionError" in run(lambda home: 1 // 0 and None, tmp_path).words
    assert not run(lambda home: os._exit(77), tmp_path).acceptable
    assert run(lambda home: __import__("time").sleep(60), tmp_path, seconds=0.2).killed


def test_the_command_line_ends_as_in_a_shell(tmp_path: Path) -> None:
    assert run(lambda home: bench("show", "zoo:snn_at"), tmp_path).status == 0
    assert run(lambda home: bench("show", "zoo:nobody"), tmp_path).status == REFUSED
    assert run(lambda home: sys.exit(77), tmp_path).status == FAILED


def test_what_a_command_imports_is_imported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_the_command.py").write_text("import json\nstate = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def work(home: Path) -> None:
        import of_the_command  # type: ignore[import-not-found]

        of_the_command.state.append(1)
        sys.modules["made_on_the_way"] = of_the_command

    try:
        import_what_it_imports(work, tmp_path)
        assert sys.modules["of_the_command"].state == []
        assert "made_on_the_way" not in sys.modules
    finally:
        sys.modules.pop("of_the_command", None)


@pytest.mark.slow
def test_a_careful_command_loses_nothing(tmp_path: Path) -> None:
    made = ready(scenario(careful), tmp_path)
    assert lost(disturbed, made, range(2 * made.operations)) == []
    assert lost(crowded, made, range(4)) == []
    assert not (tmp_path / "case").exists()


def test_kills_are_counted(tmp_path: Path) -> None:
    """Eight cases have ten deaths at operations, and two after a time, before which the command may be over."""
    made = ready(scenario(careful), tmp_path)
    assert 10 <= sum(disturbed(made, number).kills for number in range(8)) <= 12
    assert all(crowded(made, number).kills <= 4 for number in range(2))


@pytest.mark.slow
@pytest.mark.parametrize("work", [careless, unsynced])
def test_a_command_that_loses_something_is_found_out(tmp_path: Path, work: object) -> None:
    made = ready(scenario(work), tmp_path)
    findings = lost(disturbed, made, range(4 * made.operations))
    assert any("out/a" in finding or finding.count("a is ") for finding in findings), findings


def test_a_bit_that_nobody_notices_is_found_out(tmp_path: Path) -> None:
    made = ready(scenario(careless, damage=("out/a",)), tmp_path)
    assert bitten(made, 0).lost
    assert bitten(ready(scenario(careful, damage=("out/a",)), tmp_path / "other"), 0).lost == []


@pytest.mark.slow
def test_full_disks(tmp_path: Path) -> None:
    if not can_mount(tmp_path / "disk"):
        pytest.skip("this user may not mount a file system")
    assert lost(starved, ready(scenario(careful), tmp_path / "careful"), range(6)) == []
    assert lost(starved, ready(scenario(careless), tmp_path / "careless"), range(0, 8, 2))


def test_a_command_that_differs_each_time_is_no_scenario(tmp_path: Path) -> None:
    def differs(home: Path) -> None:
        (home / "out" / "a").write_text(f"{os.getpid()}")

    with pytest.raises(AssertionError, match=r"something else each time: a is [0-9a-f]+, not [0-9a-f]+"):
        ready(scenario(differs), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_few_deaths_of_every_command(tmp_path: Path, name: str) -> None:
    """``make soak`` kills each about a hundred times."""
    made = ready(SCENARIOS[name], tmp_path)
    assert lost(disturbed, made, (5, made.operations + 7)) == []
    assert lost(bitten, made, (3,) if made.scenario.damage else ()) == []
    assert lost(starved, made, (0, 1) if can_mount(tmp_path / "disk") else ()) == []

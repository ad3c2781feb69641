"""Data sets of other packages: listed and used as the protocol says, whatever they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import bench.foundation.registry
from bench.cli.data import data
from bench.data import load_samples, open_dataset
from bench.data.base import Samples
from bench.data.info import DatasetInfo
from bench.foundation.errors import BenchError, DataError, TooFewError

INFO = DatasetInfo("dots", "Dots", ("a", "b"), (1, 4, 4), {"test": 6}, "CC0", "nobody")


def six() -> Samples:
    return Samples.of(torch.rand(6, 1, 4, 4), torch.arange(6) % 2, name="dots")


class Dots:
    """Keeps the protocol, and no more."""

    info = INFO

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        return six()


class Fetched(Dots):
    """Says where it lies, too."""

    def where(self, root: Path | None = None) -> Path:
        return (root or Path()) / "dots"

    def present(self, root: Path | None = None) -> bool:
        return self.where(root).exists()

    def get(self, root: Path | None, *, source: Path | None, progress: Any) -> None:
        self.where(root).mkdir()


class NoInfo:
    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        return six()


class Raises:
    def __init__(self) -> None:
        raise RuntimeError("no\nlicence key")


class RaisesLater:
    @property
    def info(self) -> DatasetInfo:
        raise KeyError("info")

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        raise OSError("the disk is gone")


class Pairs(Dots):
    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Any:
        return torch.rand(6, 1, 4, 4), torch.arange(6)


class Uneven(Dots):
    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        return Samples(torch.rand(6, 1, 4, 4), torch.arange(5), torch.arange(6), "uneven", "test")


PLUGINS: dict[str, Any] = {
    "dots": Dots,
    "fetched": Fetched,
    "no-info": NoInfo,
    "raises": Raises,
    "raises-later": RaisesLater,
    "pairs": Pairs,
    "uneven": Uneven,
    "a-module": SimpleNamespace(),
    "a-number": lambda: 3,
}


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name, f"{__name__}:PLUGINS", "bench.datasets") for name in [*PLUGINS, "not-there"]]

    def load(point: EntryPoint) -> Any:
        if point.name == "not-there":
            raise ModuleNotFoundError("No module named 'gone'")
        return PLUGINS[point.name]

    monkeypatch.setattr(bench.foundation.registry, "entry_points", lambda group: points if group == "bench.datasets" else [])
    monkeypatch.setattr(EntryPoint, "load", load)


def ran(*words: str) -> Result:
    return CliRunner().invoke(data, list(words))


@pytest.mark.filterwarnings("ignore:the plug-in 'not-there' is broken:RuntimeWarning")
def test_all_are_listed_and_the_broken_ones_say_why(tmp_path: Path) -> None:
    (tmp_path / "dots").mkdir()
    listed = ran("ls", "--json", "--root", str(tmp_path))
    assert listed.exit_code == 0, listed.exception
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert {"cifar10", "photos", *PLUGINS, "not-there"} <= set(rows)
    assert rows["dots"]["splits"] == {"test": 6} and rows["dots"]["folder"] is None and rows["dots"]["licence"] == "CC0"
    assert rows["fetched"]["folder"] == str(tmp_path / "dots")
    broken = {name: row["broken"] for name, row in rows.items() if "broken" in row}
    assert set(broken) == {"no-info", "raises", "raises-later", "a-module", "a-number", "not-there"}
    assert broken["raises"] == "The plug-in 'raises' cannot be opened (RuntimeError: no licence key)."
    assert "KeyError" in broken["raises-later"] and "no method load" in broken["a-number"]
    assert "No module named 'gone'" in broken["not-there"]


@pytest.mark.filterwarnings("ignore:the plug-in 'not-there' is broken:RuntimeWarning")
def test_the_table_has_a_line_for_each(tmp_path: Path) -> None:
    table = ran("ls", "--root", str(tmp_path))
    assert table.exit_code == 0, table.exception
    assert all(name in table.output for name in (*PLUGINS, "not-there", "broken"))
    assert "no licence key" in table.stderr


def test_a_plug_in_that_keeps_the_protocol_is_used() -> None:
    assert len(load_samples("dots")) == 6 and len(load_samples("no-info")) == 6
    assert len(load_samples("dots", n=4)) == 4, "a plug-in that gives more than it was asked for"
    with pytest.raises(TooFewError, match="7 samples were asked for, but dots"):
        load_samples("dots", n=7)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("raises", r"'raises' cannot be opened \(RuntimeError: no licence key\)\. Repair"),
        ("raises-later", r"'raises-later' cannot load 'test' \(OSError: the disk is gone\)"),
        ("pairs", r"'pairs' loads a tuple instead of samples\..*Samples\.of\(images, labels\)"),
        ("uneven", "several lengths"),
        ("a-number", "no method load"),
        ("a-module", "cannot be opened"),
    ],
)
def test_one_that_fails_is_named(name: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_samples(name)


def test_one_that_cannot_be_imported_warns_and_fails_alone() -> None:
    with pytest.warns(RuntimeWarning, match="not-there"), pytest.raises(BenchError, match="cannot be loaded"):
        load_samples("not-there")
    assert len(load_samples("dots")) == 6


def test_get_and_path_ask_for_what_they_need(tmp_path: Path) -> None:
    root = ["--root", str(tmp_path)]
    for verb in ("get", "path"):
        assert "keeps its own files" in str(ran(verb, "dots", *root).exception)
    assert "not on this machine" in str(ran("path", "fetched", *root).exception)
    assert ran("get", "fetched", *root).exit_code == 0
    assert ran("path", "fetched", *root).output.strip() == str(tmp_path / "dots")


def test_a_plug_in_is_not_cropped() -> None:
    with pytest.raises(DataError, match="Only rated sets"):
        open_dataset("dots,crop=32")


def test_remarks_on_the_command_line_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from bench.cli.main import show_warning
    from bench.foundation.errors import DataRemark

    show: Callable[..., None] = show_warning
    show(DataRemark("Left out: x."), DataRemark, "file.py", 3)
    show(UserWarning("other"), UserWarning, "file.py", 3)
    captured = capsys.readouterr().err
    assert captured.startswith("bench: Left out: x.\n") and "file.py:3: UserWarning: other" in captured

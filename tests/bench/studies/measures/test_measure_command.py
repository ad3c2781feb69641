"""``bench measure``: where it writes, what it prints, and what it refuses to replace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.program import Program

from bench.studies.measures.sheet import blank, read_sheet, sheet_path, write_sheet
from bench.tasks.results import Interval

SMALL = ("--clean-n", 20, "--cost-n", 4)


def publish(root: Path, n: int) -> str:
    """A published sheet of the present weights on ``n`` images; its text."""
    clean = Interval(value=0.8, low=0.7, high=0.9, n=n)
    write_sheet(root, blank("ann_vanilla").model_copy(update={"clean": clean}))
    return sheet_path(root, "ann_vanilla").read_text()


def test_it_prints_a_table_and_leaves_the_published_measures_alone(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    published = publish(tmp_path / "leaderboards", 10_000)
    ended = program("measure", "zoo:ann_vanilla", *SMALL)
    sheet = read_sheet(tmp_path / "records", "ann_vanilla")
    assert ended.code == 0 and sheet is not None and sheet.clean is not None and sheet.cost is not None
    for words in ("zoo:ann_vanilla", f"{100 * sheet.clean.value:.1f} [", f"{sheet.cost.energy_nj:.0f}", "records/measures"):
        assert words in ended.out
    assert "clean accuracy" in ended.err
    assert sheet_path(tmp_path / "leaderboards", "ann_vanilla").read_text() == published
    again = program("measure", "zoo:ann_vanilla", *SMALL, "--json", "--quiet")
    assert again.err == "" and json.loads(again.out) == [sheet.model_dump(mode="json")]


def test_fewer_images_do_not_replace_a_published_measure(program: Program, tmp_path: Path) -> None:
    published = publish(tmp_path, 60)
    refused = program("measure", "zoo:ann_vanilla", *SMALL, "--publish", "--boards", tmp_path)
    assert refused.code == 2 and refused.out == ""
    assert "published on 60 images, and 20 are fewer" in refused.err and "--clean-n 60" in refused.err
    assert sheet_path(tmp_path, "ann_vanilla").read_text() == published


def test_as_many_images_do(program: Program, tmp_path: Path) -> None:
    publish(tmp_path, 10)
    assert program("measure", "zoo:ann_vanilla", *SMALL, "--publish", "--boards", tmp_path).code == 0
    sheet = read_sheet(tmp_path, "ann_vanilla")
    assert sheet is not None and sheet.clean is not None and sheet.clean.n == 20


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("zoo:ann_vanilla@9", "zoo:ann_vanilla is at version 1 here. Drop @9."),
        ("zoo:ann_vanilla@", "zoo:ann_vanilla is at version 1 here."),
        ("zoo:nobody", "Unknown model 'zoo:nobody'"),
    ],
)
@pytest.mark.parametrize(
    "command", [("measure", "--publish"), ("measure",), ("show",), ("train",), ("pilot", "--weights", "1")]
)
def test_another_version_or_an_unknown_model_is_a_mistake(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], model: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaderboards").mkdir()
    refused = program(*command, model)
    assert refused.code == 2 and words in refused.err


def test_the_present_version_may_be_named(program: Program, tmp_path: Path) -> None:
    publish(tmp_path, 60)
    refused = program("measure", "zoo:ann_vanilla@1", *SMALL, "--publish", "--boards", tmp_path)
    assert "published on 60 images, and 20 are fewer" in refused.err
    assert program("show", "zoo:ann_vanilla@v1").code == 0


def test_boards_without_publish_is_a_mistake(program: Program, tmp_path: Path) -> None:
    refused = program("measure", "zoo:ann_vanilla", *SMALL, "--boards", tmp_path)
    assert refused.code == 2 and "--publish" in refused.err
    assert list(tmp_path.iterdir()) == []


def test_the_bar_counts_the_images_that_are_left(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.foundation.progress.PATIENCE", 0.0)
    words = ("measure", "zoo:ann_vanilla", "--clean-n", 20, "--out", tmp_path)
    first = program(*words, "--cost-n", 4)
    assert [line.split()[0] for line in first.err.splitlines() if "left)" in line] == ["20/24", "24/24"]
    more = program(*words, "--cost-n", 6)
    assert [line.split()[0] for line in more.err.splitlines() if "left)" in line] == ["6/6"]
    assert "clean accuracy, and per time step (kept)" in more.err

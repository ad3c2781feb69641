"""Records that are kept together are evaluated once, resumed when interrupted, and dropped when nothing rests on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.tiny import Linear, labelled

import bench
from bench.evaluation import evaluate_once as module
from bench.evaluation.evaluate_once import UNFINISHED, evaluate_once, keep_only, name_of
from bench.evaluation.records.archive import RECORDS_FILE, Archive
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.request.settings import Settings, Tick, Watcher

MODEL = Linear()
DATA = labelled(MODEL, 12, wrong=2)


def asked(**changed: Any) -> Settings:
    return Settings(**{"model": MODEL, "attack": ("pgd:steps=2", "fgsm"), "eps": "0.1", "data": DATA} | changed)


def test_a_second_call_reads_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate_once(asked(), tmp_path / "kept")
    pd.testing.assert_frame_equal(
        first.rows, bench.evaluate(MODEL, attack=["pgd:steps=2", "fgsm"], eps="0.1", data=DATA).rows
    )
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [RECORDS_FILE, ROWS_FILE]

    def refused(*arguments: object) -> None:
        raise AssertionError("it is kept")

    monkeypatch.setattr(module, "evaluate_settings", refused)
    again = evaluate_once(asked(), tmp_path / "kept")
    assert again.model_dump() == first.model_dump()
    pd.testing.assert_frame_equal(again.rows, first.rows)
    with pytest.raises(AssertionError, match="it is kept"):
        evaluate_once(asked(seed=1), tmp_path / "kept")


def test_an_interrupted_evaluation_is_resumed(tmp_path: Path) -> None:
    ticks = []

    def interrupted(tick: Tick) -> None:
        ticks.append(tick)
        if len(ticks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_once(asked(), tmp_path, watcher=Watcher(ticked=interrupted))
    assert [path.name for path in tmp_path.iterdir()] == [UNFINISHED]
    record = evaluate_once(asked(), tmp_path, watcher=Watcher(ticked=ticks.append))
    assert any(tick.reused for tick in ticks[2:])
    assert list(Archive(tmp_path).lines()) == [name_of(record)]
    assert not (tmp_path / UNFINISHED).exists()


def test_what_nothing_rests_on_is_dropped(tmp_path: Path) -> None:
    first, second = (evaluate_once(asked(seed=seed), tmp_path) for seed in (0, 1))
    keep_only(tmp_path, lambda name: name == name_of(second))
    archive = Archive(tmp_path)
    assert list(archive.lines()) == [name_of(second)]
    assert archive.read(name_of(second)).seed == 1
    evaluate_once(asked(), tmp_path)
    assert set(archive.lines()) == {name_of(first), name_of(second)}

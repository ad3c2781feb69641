"""The plan of trainings for a GPU, carried out in small: which may begin, what stops, what a failure does to the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import reports.gpu_zoo as gpu_zoo
from reports.gpu_zoo import PLAN, Plan, run, starter
from zoo.card import Card, Weights, card

WEIGHTS = Weights(sha256="0" * 64, bytes=1)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Models of the plan have no weights until they are made here."""
    made: set[str] = set()

    def described(name: str) -> Card:
        return card(name).model_copy(update={"weights": WEIGHTS if name in made else None})

    monkeypatch.setattr(gpu_zoo, "described_now", described)
    monkeypatch.setattr(gpu_zoo, "POLL", 0.01)
    return made.add


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


def test_every_model_of_the_plan_is_there_and_comes_after_what_it_is_made_from() -> None:
    assert len(set(PLAN)) == len(PLAN)
    for position, name in enumerate(PLAN):
        needed = card(name).needs
        assert needed is None or card(needed).weights is not None or needed in PLAN[:position]


def test_a_model_begins_once_its_start_model_is_there(trained: Callable[[str], None]) -> None:
    begun: list[str] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        begun.append(name)
        trained(name)
        return process("pass")

    plan = run(Plan(["snn_at_seed1", "snn_vanilla_seed1"]), start, workers=2, budget=60)
    assert begun == ["snn_vanilla_seed1", "snn_at_seed1"]
    assert sorted(plan.made) == sorted(begun) and not plan.failed and not plan.waiting


def test_a_failure_stops_what_needs_it_and_nothing_else(trained: Callable[[str], None]) -> None:
    def start(name: str) -> subprocess.Popen[bytes]:
        if name == "snn_vanilla_seed1":
            return process("raise SystemExit(3)")
        trained(name)
        return process("pass")

    plan = run(Plan(["snn_vanilla_seed1", "snn_at_seed1", "snn_vanilla_seed2"]), start, workers=1, budget=60)
    assert plan.failed == {"snn_vanilla_seed1": 3}
    assert plan.made == ["snn_vanilla_seed2"] and plan.waiting == ["snn_at_seed1"]


@pytest.mark.usefixtures("trained")
def test_at_the_end_of_the_budget_nothing_runs_on() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        started.append(process("import time; time.sleep(600)"))
        return started[-1]

    plan = run(Plan(["snn_vanilla_seed1", "snn_vanilla_seed2"]), start, workers=1, budget=0.2)
    assert plan.stopped == ["snn_vanilla_seed1"] and plan.waiting == ["snn_vanilla_seed2"]
    assert all(each.poll() is not None for each in started)


@pytest.mark.slow
def test_a_training_is_the_command_that_a_user_would_give(tmp_path: Path) -> None:
    """Up to the data, which an empty folder lacks: the command says so, and its words are kept."""
    process = starter(tmp_path, "cpu", ["--data-root", str(tmp_path)])("ann_resnet20")
    assert process.wait() == 2
    assert "cifar10" in (tmp_path / "logs" / "ann_resnet20.log").read_text()

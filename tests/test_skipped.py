"""Skipped tests are said at the end of a run, with their reasons: who cannot isolate foreign code is told so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

REASONS = ("no tool", "no tool", "no GPU")


def test_reasons_are_counted_and_said() -> None:
    spec = importlib.util.spec_from_file_location("settings_of_tests", Path(__file__).with_name("conftest.py"))
    assert spec is not None and spec.loader is not None
    settings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings)
    lines: list[str] = []
    reports = [
        SimpleNamespace(longrepr=("test_a.py", 1, f"Skipped: {reason}")) for reason in ("no tool", "no tool", "no GPU")
    ]
    reporter = SimpleNamespace(stats={"skipped": reports}, section=lines.append, line=lines.append)
    settings.pytest_terminal_summary(reporter)
    assert lines == ["3 skipped", "     2  no tool", "     1  no GPU"]
    settings.pytest_terminal_summary(SimpleNamespace(stats={}, section=pytest.fail, line=pytest.fail))

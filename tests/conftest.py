"""Settings shared by all tests, and what `make test-elsewhere` varies: threads, seeds, examples of hypothesis.

One thread per worker and reproducible hypothesis runs, unless the environment says otherwise.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, settings
from support import SHIFT
from support.program import Program, program_of

THREADS = int(os.environ.get("BENCH_TEST_THREADS", "1"))
"""Threads of torch in each test."""

torch.set_num_threads(THREADS)

settings.register_profile(
    "quick", max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "elsewhere",
    max_examples=50,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """``bench ARGUMENTS`` in this process."""
    return program_of(monkeypatch, capsys)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test draws from torch's global generator does not hang on the tests before it."""
    torch.manual_seed(zlib.crc32(item.nodeid.encode()) + SHIFT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the numbers that belong to a seed when the seeds are others."""
    if SHIFT:
        for item in items:
            if item.get_closest_marker("own_seed"):
                item.add_marker(pytest.mark.skip(reason="its numbers belong to unshifted seeds"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section(f"{reasons.total()} skipped")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:6d}  {reason}")


def _reason(report: pytest.TestReport) -> str:
    text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")

"""Every test that the threat model names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))


def test_promises_are_held_by_tests() -> None:
    assert len(NAMED) > 20
    missing = [
        f"{file}::{name}" for file, name in NAMED if f"\ndef {name}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
    rows = text.split("## What is promised")[1].split("## What is not")[0].strip().splitlines()[2:]
    assert [row for row in rows if "`tests/" not in row] == []

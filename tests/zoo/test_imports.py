"""Listing what there is costs no import of torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "statement",
    [
        "import zoo",
        "import attacks",
        "import attacks.gradients",
        "import zoo.architectures, zoo.defenses",
        "from zoo.card import card, names; [card(name) for name in names()]",
    ],
)
def test_no_torch(statement: str) -> None:
    code = f"{statement}\nimport sys; print([name for name in sys.modules if name.split('.')[0] == 'torch'])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_torch_comes_with_the_first_model() -> None:
    """So the check above can fail."""
    code = "import zoo, sys; before = 'torch' in sys.modules; zoo.load; print(before, 'torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]

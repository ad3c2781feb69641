"""Programs in the isolated place, by each way to isolate that works on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.boards.submission import namespaces
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.process import Sandbox
from bench.foundation.errors import IsolationError

QUICK = Limits(seconds=60, memory=2**30, processes=8, scratch=2**20)


def works(tool: str) -> bool:
    """Whether a program starts and ends in the place that ``tool`` makes."""
    try:
        with Sandbox(Path(__file__).parent, QUICK, tool=tool, words=["/bin/true"]) as sandbox:
            sandbox.ask("anything")
    except IsolationError as error:
        return "exit code 0" in str(error)
    return False


WORKING = [tool for tool in namespaces.tools() if works(tool)]


def ran(tool: str, folder: Path, code: str, limits: Limits = QUICK) -> str:
    """What the sandbox says about a program; the program's last word goes to its error output."""
    shown = folder / "shown"
    shown.mkdir(mode=0o755, exist_ok=True)
    (shown / "model.py").write_text(f"import os, sys\ndef say(*x): print(*x, file=sys.stderr, flush=True)\n{code}\n")
    words = [sys.executable, "-I", "-S", "-B", "/input/model.py"]
    with pytest.raises(IsolationError) as caught, Sandbox(shown, limits, tool=tool, words=words) as sandbox:
        sandbox.ask("anything")
    return str(caught.value)

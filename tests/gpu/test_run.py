"""The run for a GPU works from beginning to end, in small, on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

RUN = Path(__file__).parent / "run.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, RUN, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=600
    )


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed: its kernels are tested with the extra gpu")
@pytest.mark.timeout(600)
def test_the_dry_run_computes_what_torch_computes() -> None:
    done = run("--dry")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["good"]
    assert summary["dry"]
    checked = [figure for figure in summary["figures"] if figure["unit"] == "error"]
    assert all(figure["passed"] for figure in checked)
    assert len(checked) > 20
    bars = {figure["name"].split(",")[0] for figure in summary["figures"] if figure["bar"]}
    assert {"LIF forward and backward", "memory of VGG-11", "pgd:steps=1 on 2 images of snn_at at 2/255"} <= bars


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so() -> None:
    done = run()
    assert done.returncode == 2
    assert "--dry" in done.stderr

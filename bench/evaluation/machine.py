"""A description of the computing machine, which a record stores beside its rows."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch


def machine_words(device: torch.device) -> str:
    """Processor or accelerator, operating system, versions and threads of the machine with ``device``, on one line."""
    chip = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return (
        f"{chip}; {platform.system()} {platform.release()}; Python {platform.python_version()}; "
        f"torch {torch.__version__}; {torch.get_num_threads()} threads"
    )


@cache
def _processor() -> str:
    """The name of the processor, or its architecture if the name is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

"""``bench doctor --system``: what a bug report should say of the machine. Names of users are left out."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

NEEDED = ("torch", "numpy", "scipy", "numba", "pandas", "pyarrow", "pydantic", "safetensors", "foolbox")
OPTIONAL = ("torchattacks", "spikingjelly", "snntorch", "norse", "sinabs", "nir", "h5py", "onnxruntime", "timm", "pyiqa",
            "distributed", "triton")  # fmt: skip
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "BENCH_WORKERS")


def system_facts() -> dict[str, str]:
    """What this machine, its Python and this installation are, by name."""
    import torch

    from bench.evaluation.executors.choice import cores
    from bench.evaluation.machine import machine_words

    variables = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    return {
        "spikebench": f"{_version('spikebench')} in {_short(Path(__file__).parents[2])}",
        "machine": machine_words(torch.device("cpu")),
        "Python": f"{platform.python_implementation()} {platform.python_version()} in {_short(Path(sys.prefix))}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in NEEDED),
        "optional packages": ", ".join(f"{name} {_version(name)}" for name in OPTIONAL if _version(name) != "-") or "none",
        "processors": f"{os.cpu_count()}, of which this process may use {cores()}",
        "variables": ", ".join(variables) or "none",
        "devices": _devices(),
        "isolation of foreign code": _isolation(),
    } | _folders()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _short(path: Path) -> str:
    """A path without the name of the user."""
    home, path = Path.home(), path.absolute()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _devices() -> str:
    import torch

    if not torch.cuda.is_available():
        return f"cpu (torch is built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'CPUs'}; no GPU is usable)"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"cpu, {', '.join(f'cuda:{number} {name}' for number, name in enumerate(names))} (CUDA {torch.version.cuda})"


def _isolation() -> str:
    from bench.boards.submission.namespaces import choose
    from bench.foundation.errors import IsolationError

    try:
        return f"works, by {choose()}"
    except IsolationError as error:
        return f"does not work: {error.what}"


def _folders() -> dict[str, str]:
    """The folders that commands write to, and whether they may."""
    from bench.boards.store import boards_root
    from bench.data.stored import data_root
    from bench.training.job import default_runs

    folders = {
        "boards": boards_root(),
        "data sets": data_root(),
        "checkpoints": default_runs(),
        "records": Path("records"),
        "temporary files": Path(tempfile.gettempdir()),
    }
    return {name: f"{_short(folder)} ({_state(folder)})" for name, folder in folders.items()}


def _state(folder: Path) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    writable = "writable" if os.access(existing, os.W_OK | os.X_OK) else "NOT writable"
    return writable if folder.exists() else f"not there yet; {writable}"

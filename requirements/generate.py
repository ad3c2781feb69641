"""Writes the pinned requirements of the make targets, with a hash for every file that may be installed.

    python requirements/generate.py

Run after a change of ``pyproject.toml`` or ``constraints.txt``, which says the versions; ``uv`` finds the hashes. PyTorch
and the libraries of CUDA that it brings are left out: which build of them is right depends on the machine, and each build
has hashes of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parent
OF_THE_MACHINE = re.compile(r"(torch|triton|(nvidia|cuda)-.*)")
UNRESOLVED = ("torchattacks", "spikingjelly", "snntorch", "norse", "sinabs", "nir", "nirtorch", "pbr")
"""Libraries that are installed without what they ask for: together they ask for versions that exclude each other."""
EXTRAS = {"runtime": (), "dev": ("dev", "quality", "cluster", "nir", "onnx"), "docs": ("docs",)}
MORE = {"runtime": ("setuptools",), "dev": ("setuptools", "loguru", "tqdm", "requests"), "docs": ("setuptools",)}
PYTHON = "3.11.5"
"""The oldest for which there are files of all packages."""
COMMON = (
    *("--universal", "--python-version", PYTHON, "--generate-hashes"),
    *("--no-annotate", "--no-header", "--no-config", "--quiet"),
)


def compiled(lines: list[str], *options: str) -> str:
    """What ``uv`` makes of requirements. Raises ``CalledProcessError`` where they cannot be resolved."""
    with tempfile.TemporaryDirectory() as place:
        source, result = Path(place) / "in.txt", Path(place) / "out.txt"
        source.write_text("".join(f"{line}\n" for line in lines))
        files = [str(source), "-c", "constraints.txt", "-o", str(result)]
        subprocess.run(["uv", "pip", "compile", *COMMON, *options, *files], cwd=TOP, check=True)
        return result.read_text()


def pins(text: str) -> dict[str, str]:
    """The entry of each package that is not the machine's, by name."""
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    named = {entry.partition("==")[0]: entry for entry in entries if re.match(r"[a-z0-9-]+==", entry)}
    return {name: entry for name, entry in named.items() if not OF_THE_MACHINE.fullmatch(name)}


def requirements(target: str) -> str:
    """The content of ``TARGET.txt``: what the target needs, and ``runtime.txt`` does not have."""
    wanted = [f".[{','.join(EXTRAS[target])}]" if EXTRAS[target] else ".", *MORE[target]]
    entries = pins(compiled([line.replace(".", str(TOP), 1) if line.startswith(".") else line for line in wanted]))
    if target == "dev":
        entries |= pins(compiled(list(UNRESOLVED), "--no-deps"))
    before = pins((HERE / "runtime.txt").read_text()) if target != "runtime" else {}
    return "# Written by requirements/generate.py.\n" + "".join(
        entries[name] for name in sorted(entries.keys() - before.keys())
    )


def main() -> None:
    """Write the files of all targets, or of those named."""
    for target in sys.argv[1:] or EXTRAS:
        (HERE / f"{target}.txt").write_text(requirements(target))


if __name__ == "__main__":
    main()

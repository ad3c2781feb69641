"""A user's file is run as a module of its own, with its neighbours importable while it is loaded and no longer.

Two files whose neighbours have the same names do not meet: what was imported from the folder leaves ``sys.modules`` again.
Which source files these were, and which other files were read meanwhile, is remembered: they determine the answers too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.foundation.errors import BenchError, ModelError
from bench.foundation.files import sha256_file
from bench.models.words import failure

SUITE = ("attacks", "zoo", "bench", "reports")
"""Packages that are never taken for a neighbour, even where the file lies in a checkout of this suite."""

_system = tuple(
    {str(Path(place).resolve()) for place in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())}
    | {"/etc", "/proc", "/sys", "/dev", "/usr"}
)


@dataclass
class Loading:
    """What happened while a user's code was loaded.

    sources, files: sha256 of modules beside the file, and of other files that were read, by path (below the folder) or name.
    """

    sources: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Named only where there are some: a single file without weights keeps its identity."""
        named = {"sources": self.sources, "files": self.files}
        return {name: sums for name, sums in named.items() if sums}


@contextmanager
def neighbours(file: Path) -> Iterator[Loading]:
    """Inside the block, modules beside ``file`` can be imported. Afterwards the import system is as it was."""
    folder = file.resolve().parent
    loading, path = Loading(), str(folder)
    stashed = {name: sys.modules.pop(name) for name, module in list(sys.modules.items()) if _is_neighbour(module, folder)}
    for name in _shadowed(folder):
        stashed |= {key: sys.modules.pop(key) for key in list(sys.modules) if key.partition(".")[0] == name}
    sys.path.insert(0, path)
    importlib.invalidate_caches()
    opened: list[str] = []
    try:
        with _watched(opened):
            yield loading
    finally:
        if path in sys.path:
            sys.path.remove(path)
        imported = {name: module for name, module in sys.modules.items() if _is_neighbour(module, folder)}
        for name in imported:
            del sys.modules[name]
        sys.modules.update(stashed)
        places = {Path(str(module.__file__)) for module in imported.values()} - {file.resolve()}
        loading.sources = _sums(places, folder)
        loading.files = _sums(_data_files(opened), folder)


def run_file(path: Path) -> ModuleType:
    """Run a user's file; inside of :func:`neighbours`. Raises ``ModelError`` with the line that failed."""
    name = f"_user_model_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} is not a Python file.", "Give --model FILE.py::FACTORY.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:
        what, fix = failure(error, path.parent, otherwise="Correct that line.")
        raise ModelError(f"{path.name} failed to run: {what}.", fix) from error
    return module


def _is_neighbour(module: ModuleType, folder: Path) -> bool:
    """Whether a module's source lies in the folder, and is neither of the suite nor installed."""
    place = getattr(module, "__file__", None)
    name = getattr(module, "__name__", "")
    if not isinstance(place, str) or name.partition(".")[0] in (*SUITE, "__main__") or name.startswith("_user_model_"):
        return False
    resolved = Path(place).resolve()
    return resolved.is_relative_to(folder) and "site-packages" not in resolved.parts and not _installed(str(resolved))


def _shadowed(folder: Path) -> set[str]:
    """Loaded modules of the user's from elsewhere that have the name of something in the folder."""
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    kept = {*SUITE, "__main__", *sys.stdlib_module_names}
    found = set()
    for name in names - kept:
        place = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(place, str) and not _installed(str(Path(place).resolve())):
            found.add(name)
    return found


def _installed(place: str) -> bool:
    return any(place.startswith(f"{top}/") for top in _system)


_collecting: list[list[str]] = []
_hooked = False


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, which sees every way in which Python opens a file."""
    if _collecting and event == "open":
        path, mode, _ = arguments
        if isinstance(path, str) and isinstance(mode, str) and not set(mode) & set("wax+"):
            _collecting[-1].append(path)


@contextmanager
def _watched(opened: list[str]) -> Iterator[None]:
    """Paths that are opened for reading inside the block."""
    global _hooked
    if not _hooked:  # an audit hook stays for as long as the process
        sys.addaudithook(_note)
        _hooked = True
    _collecting.append(opened)
    try:
        yield
    finally:
        _collecting.remove(opened)


def _data_files(opened: list[str]) -> set[Path]:
    found = set()
    for name in dict.fromkeys(opened):
        path = Path(name).resolve()
        if path.suffix not in (".py", ".pyc", ".so") and not _installed(str(path)) and path.is_file():
            found.add(path)
    return found


def _sums(paths: set[Path], folder: Path) -> dict[str, str]:
    """By the path below the folder, or by the bare name: another machine has the same files in other places."""
    return {
        str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name: sha256_file(path)
        for path in sorted(paths)
        if path.is_file()
    }

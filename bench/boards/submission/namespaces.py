"""A place where foreign code can do little: its own user, process, network and file-system namespaces.

The code sees the packages of this project and of Python read-only, its own submission read-only, and an empty home and
temporary folder in memory. It sees no network, no environment, no other process, no file of the user, and nothing of it
is left afterwards. What this cannot promise is said in ``SECURITY.md``.

bubblewrap makes the place, or ``unshare`` where there is none; without either, foreign code does not run. What starts there
is confined first (:mod:`bench.boards.submission.confined`), and no test data of this project lie there
(:mod:`bench.boards.submission.hidden`). Started by the machine's root, the code runs as :data:`NOBODY` in a user namespace
of its own: the kernel exempts the user root from its limit on tasks, and a watchdog alone loses the race against a program
that forks without end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.boards.submission.hidden import hidden
from bench.foundation.errors import IsolationError

PACKAGES = ("attacks", "zoo", "bench")
PROJECT, INPUT, HOME = "/project", "/input", "/tmp/home"  # noqa: S108 -- inside of the place
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu")
DEVICES = ("null", "zero", "full", "random", "urandom")
NOBODY = 65534
"""The user that code runs as if root starts it."""
TASKS = 8
"""Threads per process that are allowed for: what the kernel counts are threads."""
FIX = "Install bubblewrap (apt install bubblewrap) and allow unprivileged user namespaces, or use a registered builder."
PROBE = f"open({PROJECT + '/bench/boards/submission/child.py'!r}).close()"
"""What must work there: Python starts, and may read the project."""
SETUP = Path(__file__).with_name("unshared.sh")
CONFINED = f"{PROJECT}/bench/boards/submission/confined.py"


@dataclass(frozen=True)
class Limits:
    """What foreign code may use."""

    seconds: float = 600.0
    """Wall time, from start to end."""
    memory: int = 6 * 2**30
    """Bytes, of all its processes and files together."""
    processes: int = 32
    """Processes."""
    scratch: int = 256 * 2**20
    """Bytes in its temporary folder."""
    threads: int = 1
    """Threads of torch."""

    @property
    def tasks(self) -> int:
        """Threads of all processes together, held by the kernel; the watchdog counts processes."""
        return TASKS * self.processes + 4 * self.threads


def mounts() -> dict[str, Path]:
    """Read-only: place inside to file or folder outside. Only what Python needs, never the whole disk."""
    top = Path(__file__).parents[3]
    inside = {f"{PROJECT}/{name}": top / name for name in PACKAGES}
    for text in (*SYSTEM, sys.base_prefix, sys.prefix):
        path = Path(text)
        if path.exists() and not any(path.is_relative_to(known) for known in inside):
            inside[text] = path
    return inside


def environment(limits: Limits) -> dict[str, str]:
    """The whole environment of the code."""
    count = str(limits.threads)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), count)
    return threads | {"PATH": "/usr/bin:/bin", "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108


def program() -> list[str]:
    """The trusted part that the code is loaded by; ``-I`` so that neither environment nor home can change it."""
    start = f"import sys; sys.path.insert(0, {PROJECT!r}); from bench.boards.submission.child import main; main()"
    return [sys.executable, "-I", "-B", "-c", start]


def command(tool: str, folder: Path, limits: Limits, words: list[str]) -> list[str]:
    """The command that starts ``words`` in the place. folder: shown as ``/input``; tool: ``bwrap`` or ``unshare``."""
    confined = [sys.executable, "-I", "-S", "-B", CONFINED]
    return [*{"bwrap": _bubblewrap, "unshare": _unshare}[tool](folder, limits), *confined, *words]


def _bubblewrap(folder: Path, limits: Limits) -> list[str]:
    words = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--disable-userns", "--uid", "65534", "--gid", "65534", "--hostname", "isolated"]
    words += ["--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"]
    scratch, shown = str(limits.scratch), mounts()
    words += ["--size", scratch, "--tmpfs", "/tmp"]  # noqa: S108 -- first, as packages may lie below it
    for inside, outside in {**shown, INPUT: folder}.items():
        words += ["--ro-bind", str(outside), inside]
    for inside in hidden(shown):
        words += ["--tmpfs", inside, "--remount-ro", inside]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", scratch, "--tmpfs", "/dev/shm", "--dir", HOME]  # noqa: S108
    # The device folder and the root itself lie in memory too, and would be writable without a bound.
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    for name, value in environment(limits).items():
        words += ["--setenv", name, value]
    return [*words, "--", "prlimit", f"--nproc={limits.tasks}"]


def _unshare(folder: Path, limits: Limits) -> list[str]:
    """The same by util-linux: ``unshared.sh`` builds the file system inside of the new namespaces and drops all rights."""
    user = NOBODY if is_root() else 0
    words = ["setpriv", "--pdeathsig", "KILL", "unshare", *(() if user else ("--user", "--map-root-user"))]
    words += ["--mount", "--pid", "--fork", "--kill-child=KILL", "--net", "--ipc", "--uts", "--cgroup", "--"]
    words += ["/bin/sh", str(SETUP), _mount_point(folder), str(limits.scratch), str(limits.tasks), str(user)]
    shown = mounts()
    for inside, outside in {**shown, INPUT: folder}.items():
        words += [str(outside), inside]
    for inside in hidden(shown):
        words += ["", inside]
    return [*words, "--", "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment(limits).items())]


def _mount_point(folder: Path) -> str:
    """An existing folder on which the new file system can be mounted without hiding what goes into it."""
    sources = [path.resolve() for path in (*mounts().values(), folder, SETUP)]
    for place in map(Path, ("/mnt", "/media", "/srv", "/opt", "/boot", "/home", "/tmp")):  # noqa: S108
        if place.is_dir() and not any(source.is_relative_to(place) for source in sources):
            return str(place)
    raise IsolationError("There is no folder to mount an isolated file system on.", FIX)


def is_root() -> bool:
    """Whether this is the machine's root, or the root of a container without a user namespace."""
    return os.geteuid() == 0


def tools() -> Iterator[str]:
    """The tools that are installed, the better one first. bubblewrap cannot give up being root, so root has the other."""
    unshare = ("unshare", "setpriv", "prlimit", "mount", "umount", "pivot_root")
    for name, needed in (("bwrap", ("bwrap", "prlimit")), ("unshare", unshare)):
        if name == "bwrap" and is_root():
            continue
        if all(shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin") for program in needed):
            yield name


def choose() -> str:
    """A tool that works here, found by trying it.

    Raises ``IsolationError`` where none does: foreign code must not run then.
    """
    reasons = []
    for tool in tools():
        words = command(tool, Path(__file__).parent, Limits(), [*program()[:-1], PROBE])
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            reasons.append(f"{tool}: {type(error).__name__}")
            continue
        if done.returncode == 0:
            return tool
        reasons.append(f"{tool}: {(done.stderr.strip().splitlines() or ['failed'])[-1][:120]}")
    why = "; ".join(reasons) or "neither bwrap nor unshare is installed"
    raise IsolationError(f"Foreign code cannot be isolated here ({why}).", FIX)

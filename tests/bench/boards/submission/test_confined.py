"""Nothing passes from one isolated process to a later one, or from the machine's user to it; the rest stays in reach."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sandboxes import QUICK, WORKING, ran

from bench.boards.submission import hidden as hiding
from bench.boards.submission import namespaces
from bench.boards.submission.confined import AUDIT, REFUSED, filter_of, number_of
from bench.boards.submission.hidden import data_folders, hidden
from bench.boards.submission.namespaces import NOBODY
from bench.boards.submission.process import Sandbox
from bench.foundation.errors import IsolationError

MACHINE = platform.machine()
ON_KNOWN_MACHINE = pytest.mark.skipif(MACHINE not in AUDIT, reason="system calls of this machine are not known")
USER_KEY, SESSION = b"user", -3
DEVICES = [Path("/dev") / name for name in namespaces.DEVICES]


def calls() -> dict[str, int]:
    numbers = {name: number_of(call, MACHINE) for name, call in REFUSED.items()}
    return {name: number for name, number in numbers.items() if number is not None}


@ON_KNOWN_MACHINE
def test_system_calls_are_refused(tool: str, tmp_path: Path) -> None:
    code = f"""
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
let = [name for name, number in {calls()!r}.items() if call(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1]
say('let', let)
"""
    assert "(let [])" in ran(tool, tmp_path, code)


@ON_KNOWN_MACHINE
def test_other_sets_of_system_calls_are_missing(tool: str, tmp_path: Path) -> None:
    """A second numbering, and the call whose flags cannot be looked at."""
    numbers = [435] + ([0x40000000 + 39] if MACHINE == "x86_64" else [])
    code = f"""
import ctypes, errno
call = ctypes.CDLL(None, use_errno=True).syscall
say('missing', [call(number, 0, 0) == -1 and ctypes.get_errno() == errno.ENOSYS for number in {numbers}])
"""
    assert f"(missing {[True] * len(numbers)})" in ran(tool, tmp_path, code)


def test_sockets_are_of_one_family(tool: str, tmp_path: Path) -> None:
    code = """
import socket
families = {}
for family in range(46):
    try: socket.socket(family, socket.SOCK_DGRAM).close(); families[family] = 1
    except OSError: pass
say('families', list(families), len(socket.socketpair()))
"""
    assert "(families [1] 2)" in ran(tool, tmp_path, code)


def test_what_networks_need_works(tool: str, tmp_path: Path) -> None:
    code = """
import subprocess, threading, multiprocessing.shared_memory
started = []
thread = threading.Thread(target=started.append, args=('thread',)); thread.start(); thread.join()
started.append(subprocess.run(['/bin/echo', 'process'], capture_output=True, text=True).stdout.strip())
child = os.fork()
if child == 0: os._exit(7)
started.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
block = multiprocessing.shared_memory.SharedMemory(create=True, size=4096, name='block'); block.close()
say('started', started, os.path.exists('/dev/shm/block'))
"""
    assert "(started ['thread', 'process', 7] True)" in ran(tool, tmp_path, code)


@pytest.fixture
def key() -> Iterator[str]:
    """The description of a key in the session keyring of this process."""
    if MACHINE not in AUDIT:
        pytest.skip("system calls of this machine are not known")
    name = f"bench-test-{time.monotonic_ns()}"
    call = ctypes.CDLL(None, use_errno=True).syscall
    number = call(number_of(REFUSED["add_key"], MACHINE), USER_KEY, name.encode(), b"secret", 6, SESSION)
    if number < 0 or name not in Path("/proc/keys").read_text():
        pytest.skip("this machine keeps no keys")
    yield name
    unlink = 9
    call(number_of(REFUSED["keyctl"], MACHINE), unlink, number, SESSION)


def test_keys_of_the_user_are_out_of_reach(tool: str, tmp_path: Path, key: str) -> None:
    assert "(seen False)" in ran(tool, tmp_path, f"say('seen', {key!r} in open('/proc/keys').read())")


@ON_KNOWN_MACHINE
def test_no_note_is_left_for_a_later_process(tool: str, tmp_path: Path) -> None:
    """Keys, times of devices, shared memory, queues, addresses, files, locks and limits: all end with the first process."""
    note = f"note{time.monotonic_ns()}"
    leave = f"""
import ctypes, fcntl, socket
libc = ctypes.CDLL(None, use_errno=True)
for ring in (-3, -4, -5): libc.syscall({calls()["add_key"]}, b'user', {note.encode()!r}, b'3', 1, ring)
libc.shmget(12345, 4096, 0o1666); libc.msgget(12345, 0o1666); libc.semget(12345, 1, 0o1666)
address = socket.socket(socket.AF_UNIX); address.bind('\\0{note}')
for place in ('/tmp', '/dev/shm', '/tmp/home', '/dev', '/input', '/project', '/proc/self', '/'):
    try: open(place + '/{note}', 'w').close()
    except OSError: pass
for device in {[str(path) for path in DEVICES]!r}:
    try: os.utime(device)
    except OSError: pass
fcntl.flock(open('/input/model.py'), fcntl.LOCK_EX)
say('left')
"""
    look = f"""
import ctypes, fcntl, socket
libc = ctypes.CDLL(None, use_errno=True)
notes = ['keys'] * ({note!r} in open('/proc/keys').read()) if os.path.exists('/proc/keys') else []
if libc.shmget(12345, 4096, 0) >= 0 or libc.msgget(12345, 0) >= 0 or libc.semget(12345, 1, 0) >= 0: notes.append('ipc')
try: socket.socket(socket.AF_UNIX).connect('\\0{note}'); notes.append('address')
except OSError: pass
places = ('/tmp', '/dev/shm', '/tmp/home', '/dev', '/input', '/project', '/')
notes += [place for place in places if {note!r} in os.listdir(place)]
fcntl.flock(open('/input/model.py'), fcntl.LOCK_EX | fcntl.LOCK_NB)
say('notes', notes)
"""
    before = [(path.stat().st_mtime_ns, path.stat().st_atime_ns) for path in DEVICES]
    assert "(left)" in ran(tool, tmp_path, leave)
    assert before == [(path.stat().st_mtime_ns, path.stat().st_atime_ns) for path in DEVICES]
    assert not Path("/proc/keys").exists() or note not in Path("/proc/keys").read_text()
    assert "(notes [])" in ran(tool, tmp_path, look)


def test_no_test_images_lie_there(tool: str, tmp_path: Path) -> None:
    """A model that looks for the nearest test image, and answers with its label, has nowhere to look."""
    names = {path.name for path in (Path(hiding.__file__).parents[2] / "data" / "embedded").iterdir()}
    assert len(names) > 3
    code = f"""
names = {names!r}
say('there', [name for _, _, files in os.walk('/project') for name in files if name in names], len(os.listdir('/project')))
"""
    assert "(there [] 3)" in ran(tool, tmp_path, code)


def test_copies_of_the_data_are_hidden_wherever_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed copy lies in a library folder, which is shown as a whole; downloaded data may lie there too."""
    library, downloads = tmp_path / "venv" / "lib", tmp_path / "venv" / "data"
    hidden_there = (
        library / "bench" / "data" / "embedded",
        library / "bench" / "leaderboards",
        library / "tests",
        downloads,
    )
    for folder in (library / "bench" / "boards", *hidden_there):
        folder.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "venv")
    monkeypatch.setattr(hiding.sys, "path", [str(library), "", str(tmp_path / "missing")])
    monkeypatch.setenv("BENCH_DATA", str(downloads))
    assert set(hidden_there) <= set(data_folders())
    assert hidden({"/usr/venv": link, "/other": tmp_path / "other"}) == [
        "/usr/venv/data",
        "/usr/venv/lib/bench/data/embedded",
        "/usr/venv/lib/bench/leaderboards",
        "/usr/venv/lib/tests",
    ]


def test_packages_may_lie_below_the_temporary_folder(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "venv"
    package.mkdir()
    (package / "module.py").write_text("x = 1")
    inside = "/tmp/some/venv"
    shown = {**namespaces.mounts(), inside: package}
    monkeypatch.setattr(namespaces, "mounts", lambda: shown)
    code = f"""
open('/tmp/scratch', 'w').close()
try: open('{inside}/written', 'w').close()
except OSError: say('read', open('{inside}/module.py').read(), sorted(os.listdir('/tmp')))
"""
    assert "(read x = 1 ['home', 'scratch', 'some'])" in ran(tool, tmp_path, code)


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root has this with every test")
def test_util_linux_isolates_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ordinary user of a machine without bubblewrap has it."""
    python = Path("/usr/bin/python3")
    drop = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"]
    allowed = subprocess.run(
        [*drop, "unshare", "--user", "--map-root-user", "cat", __file__], capture_output=True, check=False
    )
    if "unshare" not in WORKING or not python.exists() or allowed.returncode != 0:
        pytest.skip("nobody may not isolate, or may not read this project")
    monkeypatch.setattr(namespaces, "is_root", lambda: False)
    for name, value in (("executable", str(python)), ("prefix", "/usr"), ("base_prefix", "/usr")):
        monkeypatch.setattr(sys, name, value)
    words = namespaces.command("unshare", Path(__file__).parent, QUICK, ["/bin/echo", "inside"])
    done = subprocess.run([*drop, *words], capture_output=True, text=True, env={}, check=False)
    assert (done.stdout, done.stderr) == ("inside\n", "")


def test_answers_are_refused_by_their_length(tmp_path: Path) -> None:
    """Before they are read: a process that sends gigabytes would else fill the memory of whoever asked."""
    if not WORKING:
        pytest.skip("foreign code cannot run here")
    shown = tmp_path / "shown"
    shown.mkdir(mode=0o755)
    code = "import os, time; os.write(1, (2).to_bytes(8, 'little') + (2**20).to_bytes(8, 'little') + b'{}'); time.sleep(60)"
    words = [sys.executable, "-I", "-S", "-c", code]
    with Sandbox(shown, QUICK, tool=WORKING[0], words=words) as sandbox, pytest.raises(IsolationError, match="too large"):
        sandbox.ask("anything", most=2**20 - 1)


def test_filters_are_for_known_machines() -> None:
    assert {machine: len(filter_of(machine)) > len(REFUSED) for machine in AUDIT} == dict.fromkeys(AUDIT, True)
    with pytest.raises(KeyError):
        filter_of("pdp11")

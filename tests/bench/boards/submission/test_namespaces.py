"""The isolated place: hostile programs, each of which fails at what it tries. Being root must not help them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.sandboxes import QUICK, WORKING, ran

from bench.boards.submission import namespaces
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.process import Sandbox
from bench.boards.submission.watchdog import FILE, descendants, held_by, usage
from bench.foundation.errors import IsolationError


def test_there_is_a_place_or_a_refusal() -> None:
    """Nothing below is skipped unless foreign code cannot run at all."""
    if WORKING:
        assert namespaces.choose() == WORKING[0]
    else:
        with pytest.raises(IsolationError, match="cannot be isolated here"):
            namespaces.choose()


def test_it_does_not_run_as_the_root_of_the_machine(tool: str, tmp_path: Path) -> None:
    """Its root is nobody's outside, whoever started it; the kernel would not limit the processes of another."""
    said = ran(tool, tmp_path, "say('map', open('/proc/self/uid_map').read().split(), os.getgroups())")
    owner = namespaces.NOBODY if os.geteuid() == 0 else os.geteuid()
    assert f"'{owner}', '1']" in said
    assert owner != 0


def test_without_a_tool_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(namespaces.shutil, "which", lambda *_, **__: None)
    with pytest.raises(IsolationError, match="neither bwrap nor unshare is installed"):
        Sandbox(tmp_path, QUICK)


def test_a_tool_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "command", lambda *_: ["/bin/false"])
    with pytest.raises(IsolationError, match="cannot be isolated here"):
        namespaces.choose()


def test_it_sees_no_environment(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SECRET", "hunter2")
    code = "import glob\nsay('hunter2' in str(os.environ), sorted(os.environ), len(glob.glob('/proc/[0-9]*')))"
    said = ran(tool, tmp_path, code)
    assert "False" in said
    assert "SECRET" not in said
    seen = int(said.rpartition("]")[2].split(")")[0])
    assert seen <= 5  # itself and what started it, nobody else


def test_it_sees_no_files_of_the_user(tool: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("home") / "id_rsa"
    secret.write_text("hunter2")
    places = [
        str(secret),
        "/etc/passwd",
        "/etc/shadow",
        str(Path.home() / ".bashrc"),
        str(Path(__file__)),
        "/proc/1/environ",
    ]
    code = f"""
found = []
for place in {places!r}:
    try: found.append((place, open(place).read()[:20]))
    except OSError: pass
say('read', found, os.listdir(os.path.expanduser('~')), os.getuid())
"""
    said = ran(tool, tmp_path, code)
    assert "read []" in said or "read [('/proc/1/environ'" in said, said  # the environment of what started it is empty too
    assert "hunter2" not in said
    assert "[] " in said


def test_it_writes_nowhere_but_into_its_scratch(tool: str, tmp_path: Path) -> None:
    places = [
        "/",
        "/usr",
        "/input",
        "/project/bench",
        sys.prefix,
        sys.base_prefix,
        "/dev",
        "/etc",
        "/var/tmp",
        "/sys",
        "/proc",
    ]
    code = f"""
wrote = []
for place in {places!r}:
    try: open(place + '/written', 'w').close(); wrote.append(place)
    except OSError: pass
for change in (lambda: os.chmod('/input/model.py', 0o777), lambda: os.unlink('/input/model.py'),
               lambda: open('/input/model.py', 'a'), lambda: os.mkdir('/new')):
    try: change(); wrote.append('changed')
    except OSError: pass
open('/tmp/fine', 'w').write('x')
try:
    with open('/tmp/large', 'wb') as file:
        for _ in range(64): file.write(bytes(2**18))
    wrote.append('16 MiB of scratch')
except OSError: pass
say('wrote', wrote)
"""
    assert "(wrote [])" in ran(tool, tmp_path, code)
    assert [path.name for path in (tmp_path / "shown").iterdir()] == ["model.py"]


@pytest.fixture
def listening() -> Iterator[tuple[int, str]]:
    """A port and an abstract Unix address that anyone on this machine can reach."""
    name = f"\0bench-test-{time.monotonic_ns()}"
    with socket.socket() as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(("127.0.0.1", 0))
        one.listen()
        other.bind(name)
        other.listen()
        yield one.getsockname()[1], name


def test_it_reaches_no_network(tool: str, tmp_path: Path, listening: tuple[int, str]) -> None:
    port, name = listening
    code = f"""
import socket
reached = []
for family, address in (
    (socket.AF_INET, ('127.0.0.1', {port})), (socket.AF_UNIX, {name!r}), (socket.AF_INET, ('8.8.8.8', 53))
):
    try:
        with socket.socket(family) as s: s.settimeout(2); s.connect(address); reached.append(address)
    except OSError: pass
say('reached', reached)
"""
    with socket.create_connection(("127.0.0.1", port)), socket.socket(socket.AF_UNIX) as other:
        other.connect(name)  # from outside of the place both are there
        assert "(reached [])" in ran(tool, tmp_path, code)


def test_it_gains_no_rights(tool: str, tmp_path: Path) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
did = []
if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0: did.append('mount')
if libc.mount(b'none', b'/usr', None, 32 | 4096, None) == 0: did.append('remount')
if libc.umount2(b'/usr', 2) == 0: did.append('umount')
if libc.unshare(0x10000000) == 0: did.append('user namespace')
if libc.sethostname(b'x', 1) == 0: did.append('hostname')
for pid in (1, os.getppid()):
    if pid and pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0: did.append('ptrace')
say('did', did, [line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd'))])
"""
    assert f"(did [] ['{'0' * 16}', '{'0' * 16}'])" in ran(tool, tmp_path, code)


def nothing_left(marker: str) -> bool:
    return not any(marker.encode() in _cmdline(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _cmdline(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_it_cannot_fork_without_end(tool: str, tmp_path: Path) -> None:
    code = "while True:\n    try: os.fork()\n    except OSError: pass"
    assert "started more than 8 processes" in ran(tool, tmp_path, code)
    assert descendants(__import__("os").getpid()) == []


@pytest.mark.slow
def test_nothing_survives_it(tool: str, tmp_path: Path) -> None:
    marker = f"marker{time.monotonic_ns()}"
    code = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execv(sys.executable, [sys.executable, '-I', '-c', 'import time; time.sleep(1000)', '{marker}'])
    os._exit(0)
import time; time.sleep(0.5)
os.close(1); time.sleep(1000)
"""
    said = ran(tool, tmp_path, code, Limits(seconds=5, processes=8))
    assert "ended early" in said or "took more than 5 s" in said
    assert nothing_left(marker)


def test_it_does_not_outlive_a_killed_evaluation(tool: str, tmp_path: Path) -> None:
    """``kill -9`` of the program that started it leaves nobody behind, although nobody is left who could kill it."""
    marker = f"marker{time.monotonic_ns()}"
    shown = tmp_path / "shown"
    shown.mkdir(mode=0o755)
    sleeper = [sys.executable, "-I", "-S", "-c", "import os, time; os.fork(); time.sleep(1000)", marker]
    program = f"""
from pathlib import Path
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.process import Sandbox
Sandbox(Path({str(shown)!r}), Limits(), tool={tool!r}, words={sleeper!r}).ask("anything")
"""
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        try:
            wait_until(lambda: sum(marker.encode() in _cmdline(path) for path in Path("/proc").glob("[0-9]*/cmdline")) >= 4)
        finally:
            process.kill()
    wait_until(lambda: nothing_left(marker))


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(2**30)\nfor i in range(0, 2**30, 4096): x[i] = 1",
        "import mmap\nx = mmap.mmap(-1, 2**30)\nfor i in range(0, 2**30, 4096): x[i] = 1",
        "for _ in range(4):\n  if os.fork() == 0: break\nx = bytearray(150 * 2**20)\n"
        "for i in range(0, len(x), 4096): x[i] = 1",
        "for place in ('/tmp', '/dev/shm'):\n  with open(place + '/x', 'wb') as file:\n"
        "    for _ in range(150): file.write(bytes(2**20))",
        "import mmap\nx = mmap.mmap(-1, 2**39, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)\n"
        "for i in range(0, 2**39, 2**21): x[i]",
        pytest.param("for i in range(10**6): open(f'/tmp/{i}', 'w').close()", marks=pytest.mark.slow),
    ],
    ids=["own", "shared", "of several", "as files", "as tables of pages", "as empty files"],
)
def test_it_cannot_eat_memory(tool: str, tmp_path: Path, code: str) -> None:
    limits = Limits(seconds=60, memory=2**28, processes=32)
    assert "GiB of memory" in ran(tool, tmp_path, f"import time\n{code}\ntime.sleep(60)", limits)


def test_it_cannot_sleep_for_ever(tool: str, tmp_path: Path) -> None:
    assert "took more than 1 s" in ran(tool, tmp_path, "import time\ntime.sleep(1000)", Limits(seconds=1))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os.write(1, b'\\xff' * 64)", "too large"),
        ("os.write(1, (2).to_bytes(8, 'little') + bytes(8) + b'[]')", "no head"),
        ("os.write(1, (4).to_bytes(8, 'little') + bytes(8) + b'\\xff\\xff\\xff\\xff')", "cannot be read"),
        ("os.write(1, (2).to_bytes(8, 'little') + (4).to_bytes(8, 'little') + b'{}PK\\x03\\x04')", "damaged"),
        ("d = b'[' * 200000; os.write(1, len(d).to_bytes(8, 'little') + bytes(8) + d)", "damaged"),
        ("os.write(1, b'short'); sys.exit('\\x1b[31mred\\n' + 'x' * 9999)", "ended early"),
    ],
)
def test_nonsense_in_the_pipe(tmp_path: Path, code: str, said: str) -> None:
    if not WORKING:
        pytest.skip("foreign code cannot run here")
    found = ran(WORKING[0], tmp_path, f"{code}\nimport time; time.sleep(1)")
    assert said in found
    assert "\n" not in found
    assert "\x1b" not in found
    assert len(found) < 400


def test_files_without_content_count() -> None:
    block, blocks, free, files, free_files = 4096, 10, 4, 1000, 300
    held = held_by(os.statvfs_result((block, block, blocks, free, free, files, free_files, free_files, 0, 255)))
    assert held == 6 * 4096 + 700 * FILE


def test_usage_counts_descendants() -> None:
    import os
    import subprocess

    program = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); import time; time.sleep(60)'])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = usage(os.getpid())
        below = descendants(process.pid)
        process.kill()
        for pid in below:
            os.kill(pid, 9)
    assert found.processes == 2
    assert found.memory > 2**20

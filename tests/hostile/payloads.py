"""What hostile ``model.py`` files try. Each ends in ``got [...]``, a list of what it got hold of."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from bench.boards.submission.confined import AUDIT, REFUSED, number_of
from bench.boards.submission.namespaces import Limits

GIB = 2**30
PATIENT = Limits(seconds=300)
"""A slow machine needs its time to import torch."""


@dataclass(frozen=True)
class Payload:
    """Code that runs when ``model.py`` is imported. says: what the refusal must say, as a pattern."""

    code: str
    says: str = r"got \[\]"
    limits: Limits = PATIENT

    def text(self, secret: Path, board: Path) -> str:
        """The file."""
        places = f"SECRET, BOARD = {str(secret)!r}, {str(board)!r}\n"
        return f"import os, sys\n{places}got = []\n{self.code}\nraise RuntimeError(f'got {{got}}')\n"


def trying(line: str) -> str:
    """Code that goes on whatever happens to ``line``."""
    return f"try:\n    {line}\nexcept Exception: pass"


LOOKUPS = {
    "the test set of the package": Payload(
        trying("from bench.data import load_samples; got.append(len(load_samples('cifar10', n=4)))")
    ),
    "files of the test set": Payload(
        "for top in ('/project', sys.prefix, '/input'):\n"
        "    got += [name for _, _, names in os.walk(top) for name in names if name.endswith(('.npz', '.webp', '.idx'))\n"
        "            and 'embedded' in _]"
    ),
    "a downloaded copy": Payload(
        "import pathlib\n"
        "for text in (os.environ.get('BENCH_DATA', ''), os.path.expanduser('~/.cache/bench'), '/root/.cache/bench'):\n"
        "    " + "got += [str(path) for path in pathlib.Path(text or '/nowhere').rglob('*.bin')]"
    ),
    "the records of the board": Payload(trying("got.append(open(BOARD + '/records.jsonl').read()[:9])")),
    "a file of the user": Payload(
        "for place in (SECRET, '/proc/1/root' + SECRET, '/proc/self/root/../..' + SECRET, '/proc/1/cwd/..'):\n"
        "    try: got.append(open(place).read()[:9])\n"
        "    except OSError: pass"
    ),
    "a server": Payload(
        "import socket\n"
        "for address in (('127.0.0.1', 80), ('1.1.1.1', 53), ('169.254.169.254', 80)):\n"
        "    try: socket.create_connection(address, 2); got.append(address)\n"
        "    except OSError: pass\n" + trying("got.append(socket.gethostbyname('example.org'))")
    ),
}

TIGHT = Limits(seconds=300, memory=3 * GIB // 2, processes=16)
MEMORIES = {
    "of its own": Payload(
        "x = bytearray(2 * 2**30)\nfor i in range(0, len(x), 4096): x[i] = 1\nimport time; time.sleep(200)",
        "GiB of memory|MemoryError",
        TIGHT,
    ),
    "that is shared": Payload(
        "import mmap, time\nx = mmap.mmap(-1, 2 * 2**30)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(200)",
        "GiB of memory|Cannot allocate memory|MemoryError",
        TIGHT,
    ),
    "of several processes": Payload(
        "import time\nfor _ in range(7):\n    if os.fork() == 0: break\n"
        "x = bytearray(2**28)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(200)",
        "GiB of memory|Cannot allocate memory|MemoryError",
        TIGHT,
    ),
    "behind a descriptor": Payload(
        trying("os.write(os.memfd_create('x'), bytes(2**20)); got.append('memfd')"), r"got \[('memfd')?\]", TIGHT
    ),
    "in tables of pages": Payload(
        "import mmap, time\nx = mmap.mmap(-1, 2**40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)\n"
        "for i in range(0, 2**40, 2**21): x[i]\ntime.sleep(200)",
        "GiB of memory|Cannot allocate memory|MemoryError",
        TIGHT,
    ),
    "in files": Payload(
        "try:\n    with open('/tmp/large', 'wb') as file:\n        for _ in range(2048): file.write(bytes(2**20))\n"
        "    got.append('2 GiB')\nexcept OSError: pass",
        r"got \[\]|GiB of memory",
        TIGHT,
    ),
}

RESOURCES = {
    "processes without end": Payload(
        "while True:\n    try: os.fork()\n    except OSError: pass", "started more than 16 processes|GiB of memory", TIGHT
    ),
    "threads without end": Payload(
        "import threading, time\n"
        "try:\n    while True: threading.Thread(target=time.sleep, args=(200,), daemon=True).start()\n"
        "except RuntimeError: pass\nos._exit(3)",
        "ended early",
        TIGHT,
    ),
    "time without end": Payload("import time\ntime.sleep(1000)", "took more than 30 s", Limits(seconds=30)),
    "words without end": Payload(
        "while True: os.write(2, b'\\x1b[31m' + b'x' * 65536)", "took more than 30 s", Limits(seconds=30)
    ),
    "files without end": Payload(
        "handles = []\n" + "while len(handles) < 10**6: handles.append(open('/dev/null'))", "[Tt]oo many"
    ),
    "the end of its parents": Payload(
        "for pid in (os.getppid(), 1, -1):\n    try: os.kill(pid, 9)\n    except OSError: pass", r"got \[\]|ended early"
    ),
    "no way to answer": Payload("os.closerange(0, 100)", "ended early"),
}

NOTE = "note-of-a-submission"
ADD_KEY = number_of(REFUSED["add_key"], platform.machine()) if platform.machine() in AUDIT else -1
CHANNELS = {
    "keys of the kernel": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        f"for ring in (-3, -4, -5): libc.syscall({ADD_KEY}, b'user', {NOTE.encode()!r}, b'3', 1, ring)",
        trying(f"got += ['key'] * ({NOTE!r} in open('/proc/keys').read())"),
    ),
    "memory of System V": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmget(12345, 4096, 0o1666)",
        "import ctypes\ngot += ['shm'] * (ctypes.CDLL(None).shmget(12345, 4096, 0) >= 0)",
    ),
    "queues": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.msgget(12345, 0o1666); libc.semget(12345, 1, 0o1666)",
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "got += ['q'] * (libc.msgget(12345, 0) >= 0 or libc.semget(12345, 1, 0) >= 0)",
    ),
    "files": (
        "for place in ('/tmp', '/dev/shm', os.path.expanduser('~'), '/input', '/project', '/proc/self', '/', sys.prefix):\n"
        f"    try: open(f'{{place}}/{NOTE}', 'w').close()\n    except OSError: pass",
        "for place in ('/tmp', '/dev/shm', os.path.expanduser('~'), '/input', '/project', '/', sys.prefix):\n"
        f"    got += [place] * os.path.exists(f'{{place}}/{NOTE}')",
    ),
    "an address": (
        "import socket, subprocess\n"
        f"address = socket.socket(socket.AF_UNIX); address.bind('\\0{NOTE}'); address.listen()\n"
        "os.set_inheritable(address.fileno(), True)\n"
        "subprocess.Popen(['/bin/sleep', '300'], close_fds=False, start_new_session=True)",
        "import socket\n" + trying(f"socket.socket(socket.AF_UNIX).connect('\\0{NOTE}'); got.append('address')"),
    ),
    "a lock": (
        "import fcntl, subprocess\nhandle = open('/input/submission.yaml'); fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "os.set_inheritable(handle.fileno(), True)\n"
        "subprocess.Popen(['/bin/sleep', '300'], close_fds=False, start_new_session=True)",
        "import fcntl\ntry: fcntl.flock(open('/input/submission.yaml'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except OSError: got.append('lock')",
    ),
    "times of files": (
        "for place in ('/dev/null', '/input/model.py', '/project/bench/__init__.py', sys.executable):\n"
        "    try: os.utime(place, (12345, 12345))\n    except OSError: pass",
        "for place in ('/dev/null', '/input/model.py', '/project/bench/__init__.py', sys.executable):\n"
        "    got += [place] * (os.stat(place).st_mtime == 12345)",
    ),
}
"""What one process leaves, and how a later one looks for it."""

"""The journal survives whatever kills its writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from bench.evaluation.journal import Journal
from bench.foundation.errors import JournalError, StorageError

ROOT = Path(__file__).parents[3]
UNITS = {"clean/0": {"rows": [0, 1], "rate": [0.1, 1.0]}, "noise/0": "ä", "attack/0": {"failure": None}, "attack/1": []}


def written(path: Path, units: dict[str, object] | None = None) -> bytes:
    with Journal.open(path, identity="me") as journal:
        for key, data in (UNITS if units is None else units).items():
            journal.append(key, data)
    return path.read_bytes()


def reopened(path: Path) -> tuple[dict[str, object], int]:
    with Journal.open(path, identity="me") as journal:
        return dict(journal.done), journal.damaged


def test_what_is_appended_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    assert reopened(path) == (UNITS, 0)
    written(path, {"attack/2": 0.1 + 0.2, "clean/0": 1})
    assert reopened(path) == (UNITS | {"attack/2": 0.1 + 0.2, "clean/0": 1}, 0)


def test_cut_at_any_byte_it_loses_only_the_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    whole = written(path)
    lengths = set()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        done, damaged = reopened(path)
        assert damaged == 0
        assert list(done.items()) == list(UNITS.items())[: len(done)]
        assert len(done) == max(whole[:cut].count(b"\n") - 1, 0)
        lengths.add(len(done))
        written(path, {"more": 1})
        assert reopened(path) == (done | {"more": 1}, 0)
    assert lengths == set(range(len(UNITS) + 1))


def test_a_damaged_line_is_skipped_and_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = written(path).splitlines(keepends=True)
    for position in range(len(lines[2]) - 1):
        damaged = bytearray(lines[2])
        damaged[position] ^= 0x01
        path.write_bytes(b"".join([*lines[:2], bytes(damaged), *lines[3:]]))
        done, count = reopened(path)
        assert "noise/0" not in done
        assert set(UNITS) - set(done) == {"noise/0"}
        assert count >= 1
    written(path, {"noise/0": UNITS["noise/0"]})
    assert reopened(path)[0] == UNITS


def checked(body: bytes) -> bytes:
    """A line whose checksum is right."""
    return b"%08x %s\n" % (zlib.crc32(body), body)


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"\n", b"hello\n", b"00000000 \n", b"\xff\xfe\n", b"0 [1]\n", b"00000000 []\n"),
        *(checked(body) for body in (b"[[1], 2]", b"[1, 2, 3]", b"[" * 50_000, b'{"a": 1, "b": 2}')),
    ],
    ids=lambda line: repr(line[:30]),
)
def test_garbage_between_lines(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(written(path) + garbage)
    assert reopened(path) == (UNITS, 1)


def test_another_run_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    before = written(path)
    with pytest.raises(JournalError, match="belongs to another run"), Journal.open(path, identity="you"):
        pass
    path.write_bytes(b"x" + before)
    with pytest.raises(JournalError, match="or is damaged"), Journal.open(path, identity="me"):
        pass
    assert path.read_bytes() == b"x" + before


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal.open(path, identity="me") as first:
        with pytest.raises(JournalError, match="Another process is working"), Journal.open(path, identity="me"):
            pass
        first.append("a", 1)
    assert reopened(path) == ({"a": 1}, 0)


def test_nan_is_refused(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal", identity="me") as journal:
        with pytest.raises(ValueError):
            journal.append("a", float("nan"))
        journal.append("b", 2)
    assert reopened(tmp_path / "journal") == ({"b": 2}, 0)


def child(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_killed_while_appending(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    code = (
        "import itertools, pathlib, sys\n"
        "from bench.evaluation.journal import Journal\n"
        "with Journal.open(pathlib.Path(sys.argv[1]), identity='me') as journal:\n"
        "    for i in itertools.count():\n"
        "        journal.append(str(i), 'x' * 5000)\n"
        "        print(i, flush=True)\n"
    )
    with child(code, path) as process:
        assert process.stdout is not None
        promised = [int(process.stdout.readline()) for _ in range(5)]
        os.kill(process.pid, signal.SIGKILL)
        promised += [int(line) for line in process.stdout.read().split()]
    assert process.returncode == -signal.SIGKILL
    done, damaged = reopened(path)
    assert damaged == 0
    assert list(done) == [str(i) for i in range(len(done))]
    assert len(done) in (len(promised), len(promised) + 1)


def test_a_full_disk_is_one_sentence_and_keeps_what_was_written(tmp_path: Path) -> None:
    """A real refusal in the middle of a line: the process may not write files beyond 3000 bytes."""
    path = tmp_path / "journal"
    code = (
        "import json, pathlib, resource, signal, sys\n"
        "from bench.foundation.errors import StorageError\n"
        "from bench.evaluation.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "try:\n"
        "    with Journal.open(pathlib.Path(sys.argv[1]), identity='me') as journal:\n"
        "        for i in range(10):\n"
        "            journal.append(str(i), 'x' * 800)\n"
        "except StorageError as error:\n"
        "    print(json.dumps([list(journal.done), str(error)]))\n"
    )
    with child(code, path) as process:
        assert process.stdout is not None
        kept, said = json.loads(process.stdout.read())
    assert process.wait() == 0
    assert kept == ["0", "1", "2"]
    assert "cannot be written" in said and "\n" not in said
    assert reopened(path) == (dict.fromkeys(kept, "x" * 800), 0)
    written(path, {"3": 3})
    assert list(reopened(path)[0]) == ["0", "1", "2", "3"]


def test_a_failed_sync_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal.open(path, identity="me") as journal:
        journal.append("a", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(StorageError, match="is full"):
                journal.append("b", 2)
        assert "b" not in journal.done
    assert reopened(path)[0]["a"] == 1


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "missing" / "journal"):
        with pytest.raises(StorageError), Journal.open(path, identity="me"):
            pass

"""Folders of killed processes are removed by the next one, and those of the living are not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bench.foundation import leftovers
from bench.foundation.scratch import scratch_folder


def working(place: Path) -> int:
    """A process that holds a scratch folder until it is killed."""
    ready, begun = os.pipe()
    child = os.fork()
    if not child:
        with scratch_folder(place, ".made-") as folder:
            (folder / "file").write_text("x")
            os.write(begun, b"x")
            signal.pause()
        os._exit(0)
    os.read(ready, 1)
    os.close(ready)
    os.close(begun)
    return child


def test_it_is_removed_afterwards(tmp_path: Path) -> None:
    def failing() -> None:
        with scratch_folder(tmp_path, ".made-") as folder:
            (folder / "file").write_text("x")
            assert [path.name for path in tmp_path.iterdir()] == [folder.name]
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".made-of-mine").mkdir()
    (tmp_path / ".made-linked00.tmp").symlink_to(tmp_path / ".made-of-mine")
    child = working(tmp_path)
    with scratch_folder(tmp_path, ".made-"):
        assert len(list(tmp_path.iterdir())) == 4  # the folder of the living stays
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 3
    with scratch_folder(tmp_path, ".other-"):
        assert len(list(tmp_path.iterdir())) == 4  # at another place of work nobody looks
    with scratch_folder(tmp_path, ".made-"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".made-linked00.tmp", ".made-of-mine"]


def test_without_locks_the_folders_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(handle: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(leftovers.fcntl, "flock", no_locks)
    (tmp_path / ".made-12345678.tmp").mkdir()
    with scratch_folder(tmp_path, ".made-"):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == [".made-12345678.tmp"]

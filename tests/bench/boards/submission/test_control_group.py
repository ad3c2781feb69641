"""Control groups of the kernel: made where they can be, never in the way where they cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.sandboxes import QUICK, WORKING, ran

from bench.boards.submission import process
from bench.boards.submission.control_group import ControlGroup, control_group

FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "memory.current", "memory.events", "pids.max", "cgroup.procs")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which new folders get the files that the kernel would put there."""
    root, make = tmp_path / "cgroup", Path.mkdir
    (root / "user" / "session").mkdir(parents=True)
    for folder in (root, root / "user", root / "user" / "session"):
        (folder / "cgroup.procs").write_text("")

    def made(folder: Path) -> None:
        make(folder)
        if folder.parent == root / "user":  # the controllers are handed down to here, and not further
            for name in FILES:
                (folder / name).write_text("")

    monkeypatch.setattr(Path, "mkdir", made)
    return root


def own(root: Path, text: str = "0::/user/session\n") -> Path:
    path = root.parent / "own"
    path.write_text(text)
    return path


def test_it_has_the_limits(kernel: Path) -> None:
    group = control_group(QUICK, root=kernel, own=own(kernel))
    assert group is not None and group.folder.parent == kernel / "user"
    written = {name: (group.folder / name).read_text() for name in FILES[:3]}
    assert written == {"memory.max": str(QUICK.memory), "memory.swap.max": "0", "memory.oom.group": "1"}
    assert int((group.folder / "pids.max").read_text()) >= QUICK.tasks
    left = [path.name for path in (kernel / "user" / "session").iterdir()]
    assert left == ["cgroup.procs"]  # what could not be used was removed


@pytest.mark.parametrize("text", ["", "4:memory:/x\n", "0::/missing/place\n", "0::/\n"])
def test_there_is_none_where_none_can_be_had(kernel: Path, text: str) -> None:
    before = sorted(kernel.rglob("*"))
    assert control_group(QUICK, root=kernel, own=own(kernel, text)) is None
    assert control_group(QUICK, root=kernel, own=kernel / "nothing") is None
    assert sorted(kernel.rglob("*")) == before


def test_the_kernel_s_count_is_read(kernel: Path) -> None:
    group = control_group(QUICK, root=kernel, own=own(kernel))
    assert group is not None and (group.memory, group.ran_out) == (0, False)
    (group.folder / "memory.current").write_text("4096\n")
    (group.folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert (group.memory, group.ran_out) == (4096, True)


def test_a_command_enters_it_and_runs_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("")
    for folder, entered in ((tmp_path, "0\n"), (tmp_path / "missing", None)):
        words = ControlGroup(folder).command(["/bin/echo", "it's", "$HOME"])
        done = subprocess.run(words, capture_output=True, text=True, env={}, check=True)
        assert (done.stdout, done.stderr) == ("it's $HOME\n", "")
        assert entered is None or (folder / "cgroup.procs").read_text() == entered


def test_closing_removes_it(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    ControlGroup(folder).close()
    assert not folder.exists()
    ControlGroup(folder).close()


@pytest.mark.skipif(not WORKING, reason="foreign code cannot run here")
def test_what_the_kernel_counts_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that holds nothing itself is stopped for what its group holds, and the group is removed."""
    folder = tmp_path / "group"
    folder.mkdir()
    closed = []

    class Full(ControlGroup):
        @property
        def memory(self) -> int:
            return QUICK.memory + 1

        def close(self) -> None:
            closed.append(self.folder)

    monkeypatch.setattr(process, "control_group", lambda limits: Full(folder))
    assert "GiB of memory" in ran(WORKING[0], tmp_path, "import time; time.sleep(60)")
    assert closed == [folder]

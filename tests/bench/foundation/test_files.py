"""Files are old or new, never in between."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.journal import Journal
from bench.foundation.errors import StorageError, StorageRemark
from bench.foundation.files import (
    atomic_path,
    atomic_write_bytes,
    atomic_write_text,
    canonical_json,
    copy_folder,
    digest,
    locked,
    make_folder,
    sha256_bytes,
    sha256_file,
    sync_path,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
).filter(lambda value: "\\ud" not in ascii(value))


def only(folder: Path, name: str, content: bytes) -> bool:
    """Whether ``folder`` holds this file and nothing else."""
    return [path.name for path in folder.iterdir()] == [name] and (folder / name).read_bytes() == content


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic_write_text(path, "ä")
    assert only(tmp_path, "a.txt", "ä".encode())
    atomic_write_bytes(path, b"new")
    assert only(tmp_path, "a.txt", b"new")
    assert sha256_file(path) == sha256_bytes(b"new")


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for name in (".a.json.abcd_012.tmp", ".a.json.zzzzzzzz.tmp"):
        (tmp_path / name).write_bytes(b"half")
    others = {".b.json.abcd_012.tmp", ".a.json.tmp", ".a.json.abcd_012.tmp.kept", "a.json.abcd_012.tmp"}
    for name in others:
        (tmp_path / name).write_bytes(b"of another")
    atomic_write_bytes(path, b"new")
    assert {found.name for found in tmp_path.iterdir()} == {"a.json", *others}


def test_a_writer_at_work_keeps_its_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with atomic_path(path) as first:
        first.write_bytes(b"first")
        atomic_write_bytes(path, b"second")
        assert first.read_bytes() == b"first" and path.read_bytes() == b"second"
    assert only(tmp_path, "a", b"first")


def test_a_temporary_file_that_was_taken_for_a_leftover_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its making and its lock, another writer may remove it, or be about to."""
    taken: list[str] = []
    make = tempfile.mkstemp

    def made(*args: Any, **options: Any) -> tuple[int, str]:
        handle, name = make(*args, **options)
        if not taken:
            Path(name).unlink()
        elif len(taken) == 1:
            fcntl.flock(os.open(name, os.O_RDWR), fcntl.LOCK_EX)
        taken.append(name)
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", made)
    atomic_write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and len(taken) == 3


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_inside_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert only(tmp_path, "a", b"old")


def test_modes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        atomic_write_bytes(path, b"1")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o604)
        atomic_write_bytes(path, b"2")
        assert path.stat().st_mode & 0o777 == 0o604
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def refusing(code: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize("broken", ["fsync", "replace", "write"])
@pytest.mark.parametrize(
    ("code", "said"),
    [(errno.ENOSPC, "is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"), (errno.EIO, "cannot be written")],
)
def test_a_refusal_is_one_sentence_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, code: int, said: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        owner, name = {"fsync": (os, "fsync"), "replace": (Path, "replace"), "write": (Path, "write_bytes")}[broken]
        patch.setattr(owner, name, refusing(code))
        with pytest.raises(StorageError, match=said) as caught:
            atomic_write_bytes(path, b"new")
    assert "\n" not in str(caught.value)
    assert only(tmp_path, "a", b"old")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF])
def test_a_file_system_without_fsync_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    fsync = os.fsync

    def of_files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", of_files_only)
    atomic_write_bytes(tmp_path / "a", b"new")
    assert only(tmp_path, "a", b"new")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EBADF])
def test_a_file_system_without_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code))
    atomic_write_bytes(tmp_path / "a", b"new")
    assert only(tmp_path, "a", b"new")
    with Journal.open(tmp_path / "journal", identity="x") as journal:
        journal.append("unit", 1)
    with Journal.open(tmp_path / "journal", identity="x") as journal:
        assert journal.done == {"unit": 1}


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_folder_that_cannot_be_saved_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code))
    with pytest.raises(OSError, match=os.strerror(code)):
        sync_path(tmp_path)


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(Path, "chmod", refusing(code))
    atomic_write_bytes(tmp_path / "a", b"new")
    assert only(tmp_path, "a", b"new")


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOSYS])
def test_a_file_system_without_modes_and_times_takes_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / "source" / "deep" / "a").write_bytes(b"content")
    for name in ("chmod", "utime", "setxattr"):
        monkeypatch.setattr(os, name, refusing(code))
    copy_folder(tmp_path / "source", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy" / "deep" / "a").read_bytes() == b"content"
    with pytest.raises(StorageError, match="in the way"):
        copy_folder(tmp_path / "source", tmp_path / "new" / "copy")


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.EPERM])
def test_a_file_system_without_locks_is_said_and_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(code))
    with pytest.warns(StorageRemark, match="has no locks"), locked(tmp_path):
        atomic_write_bytes(tmp_path / "a", b"new")
    with pytest.warns(StorageRemark, match="has no locks"), Journal.open(tmp_path / "journal", identity="x") as journal:
        journal.append("unit", 1)
    with pytest.warns(StorageRemark, match="has no locks"), Journal.open(tmp_path / "journal", identity="x") as journal:
        assert journal.done == {"unit": 1}


def test_a_lock_that_fails_otherwise_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(StorageError, match="cannot be written"), locked(tmp_path):
        pass
    with pytest.raises(StorageError, match="cannot be written"), Journal.open(tmp_path / "journal", identity="x"):
        pass


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="is a file, not a folder"):
        atomic_write_bytes(tmp_path / "file" / "a", b"")
    with pytest.raises(StorageError, match="folder"):
        atomic_write_bytes(tmp_path / "folder", b"")
    with pytest.raises(StorageError, match="cannot be written"):
        atomic_write_bytes(tmp_path / "missing" / "a", b"")
    with pytest.raises(StorageError, match=r"in the way|not a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(StorageError, match="not a folder"):
        make_folder(tmp_path / "file" / "deeper")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "mkdir", refusing(errno.EACCES))
    with pytest.raises(StorageError, match="no permission to write"):
        make_folder(tmp_path / "a")


def test_make_folder(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()


@given(json_values)
def test_canonical_json_is_stable(value: object) -> None:
    import json

    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert json.loads(text) == value


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))
    assert digest(value) != digest(value | {"d": 0})


def test_canonical_json_text() -> None:
    assert canonical_json({"b": [1, 2.5, None, True], "a": "é"}) == '{"a":"é","b":[1,2.5,null,true]}'.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_json_has_no_nan(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)

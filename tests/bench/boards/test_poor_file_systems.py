"""File systems of clusters, which know neither locks, modes, times nor ``fsync`` of folders: nothing is lost there."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from support.boards import card, measured, new_board, pictures
from support.submissions import state, zoo_built
from support.tiny import Linear, labelled

import bench
from bench.boards.entering import enter
from bench.boards.store import copy_boards
from bench.boards.submission.folder import snapshot
from bench.boards.verify import verify
from bench.evaluation.damage import damage
from bench.foundation.errors import StorageRemark
from reports.site.build import build


def refusing(code: int, refused: Callable[[int], bool] = lambda handle: True) -> Callable[..., None]:
    """Stands for a call of the operating system. refused: by the first argument; the call does nothing otherwise."""

    def call(first: int, *_: object, **__: object) -> None:
        if refused(first):
            raise OSError(code, os.strerror(code))

    return call


def is_folder(handle: int) -> bool:
    return stat.S_ISDIR(os.fstat(handle).st_mode)


@pytest.mark.parametrize("locks", [errno.ENOSYS, errno.ENOLCK])
def test_everything_can_be_written_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: int) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(locks))
    monkeypatch.setattr(os, "fsync", refusing(errno.EINVAL, is_folder))
    for name in ("chmod", "fchmod", "utime", "chown"):
        monkeypatch.setattr(os, name, refusing(errno.EPERM))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        board = new_board(tmp_path / "boards", pictures(tmp_path / "pictures"))
        entry = enter(board, measured(board), card())
        assert verify(board) == []
        copy_boards(tmp_path / "boards", tmp_path / "copy")
        build(tmp_path / "boards", tmp_path / "site")
        model, options = Linear(), {"attack": "fgsm", "eps": "0.1", "out": tmp_path / "records", "save_adv": True}
        first, again = (bench.evaluate(model, data=labelled(model, 12), **options) for _ in range(2))  # type: ignore[arg-type]
        with snapshot(zoo_built(tmp_path / "mine")) as verified:
            assert verified.submission.name == "mine"
    assert {warning.category for warning in caught} == {StorageRemark}
    assert state(tmp_path / "copy") == state(tmp_path / "boards")
    assert (tmp_path / "site" / "index.html").is_file()
    assert entry.name in board.names()
    assert first.created == again.created
    assert list(damage(tmp_path / "records").values()) == [[]]

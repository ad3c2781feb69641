"""Signatures: optional, the owner's, over everything that a submission holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.boards import card, new_board
from support.submissions import own_code, zoo_built

from bench.boards.entering import enter
from bench.boards.store import Board
from bench.boards.submission import signature
from bench.boards.submission.checking import check
from bench.boards.submission.folder import snapshot
from bench.boards.submission.opening import fingerprint
from bench.boards.submission.signature import NAMESPACE, SIGNATURE, is_key
from bench.boards.submission.succession import check_succession
from bench.boards.submission.template import write_hash
from bench.foundation.errors import BoardError, SubmissionError
from bench.tasks.record import Record

needs_openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")


def new_key(folder: Path, name: str = "key") -> tuple[Path, str]:
    """A key without a passphrase, and the line of its public half."""
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "author", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path, Path(f"{path}.pub").read_text().strip()


def owned(folder: Path, owner: str) -> Path:
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text().replace("\nversion: 1\n", f'\nversion: 1\nowner: "{owner}"\n'))
    return folder


def sign(folder: Path, key: Path, namespace: str = NAMESPACE) -> Path:
    (folder / SIGNATURE).unlink(missing_ok=True)
    words = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(key), str(folder / "submission.yaml")]
    subprocess.run(words, check=True, capture_output=True)
    return folder


@needs_openssh
def test_a_signed_submission_says_so(tmp_path: Path) -> None:
    key, public = new_key(tmp_path)
    folder = sign(owned(zoo_built(tmp_path / "mine"), public), key)
    with snapshot(folder) as verified:
        assert verified.signed == "valid"
    report = check(folder, n=4)
    assert report.passed
    assert [result.status for result in report.checks if result.name == "signature"] == ["pass"]


@needs_openssh
def test_other_signatures_are_refused(tmp_path: Path) -> None:
    key, public = new_key(tmp_path)
    other, _ = new_key(tmp_path, "other")
    folder = owned(zoo_built(tmp_path / "mine"), public)
    for wrong in (lambda: sign(folder, other), lambda: sign(folder, key, "git"), lambda: _changed_after(folder, key)):
        wrong()
        with pytest.raises(SubmissionError, match="by its owner"), snapshot(folder):
            pass
    (folder / SIGNATURE).write_text("nothing of the kind")
    with pytest.raises(SubmissionError, match="no signature"), snapshot(folder):
        pass


def _changed_after(folder: Path, key: Path) -> None:
    sign(folder, key)
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text() + "# more\n")


def test_a_signature_wants_an_owner_that_is_a_key(tmp_path: Path) -> None:
    folder = owned(zoo_built(tmp_path / "mine"), "https://example.org/a")
    (folder / SIGNATURE).write_text("-----BEGIN SSH SIGNATURE-----\n")
    with pytest.raises(SubmissionError, match="owner is no key"), snapshot(folder):
        pass


@needs_openssh
def test_a_signature_covers_the_code(tmp_path: Path) -> None:
    key, public = new_key(tmp_path)
    folder = sign(owned(own_code(tmp_path / "mine"), public), key)
    with snapshot(folder) as verified:
        assert verified.signed == "valid"
        signed = fingerprint(verified)
    (folder / "model.py").write_text("raise SystemExit\n")
    with pytest.raises(SubmissionError, match="is not the file"), snapshot(folder):
        pass
    manifest = folder / "submission.yaml"
    plain = [
        line.partition(", sha256")[0] + "}" if line.startswith("code:") else line
        for line in manifest.read_text().splitlines()
    ]
    manifest.write_text("\n".join(plain) + "\n")
    sign(folder, key)
    with pytest.raises(SubmissionError, match="does not cover"), snapshot(folder):
        pass
    (folder / SIGNATURE).unlink()
    with snapshot(folder) as verified:
        assert set(fingerprint(verified)) == set(signed) and "sha256" not in fingerprint(verified)["code"]


def test_the_hash_of_code_is_written_and_written_again(tmp_path: Path) -> None:
    folder = own_code(tmp_path / "mine")
    before = (folder / "submission.yaml").read_text()
    assert before.count("sha256: ") == 2
    write_hash(folder)
    assert (folder / "submission.yaml").read_text() == before
    (folder / "model.py").write_text((folder / "model.py").read_text() + "\n")
    write_hash(folder)
    after = (folder / "submission.yaml").read_text()
    assert after != before and after.count("sha256: ") == 2
    with snapshot(folder):
        pass


@needs_openssh
def test_without_openssh_a_signature_is_said_to_be_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, public = new_key(tmp_path)
    folder = sign(owned(zoo_built(tmp_path / "mine"), public), key)
    monkeypatch.setattr(signature.shutil, "which", lambda name: None)
    report = check(folder, n=4)
    assert report.passed
    (result,) = (result for result in report.checks if result.name == "signature")
    assert result.status == "warn" and "no ssh-keygen" in result.says


@needs_openssh
def test_what_belongs_to_a_key_is_followed_by_what_it_signed(board: Board, spare: Record, tmp_path: Path) -> None:
    _, public = new_key(tmp_path)
    enter(board, spare, card("owned", owner=public))
    with snapshot(zoo_built(tmp_path / "mine")) as verified:
        later = verified.submission.model_copy(update={"name": "owned", "version": 3, "owner": public})
    check_succession(later, board, supersede=True, signed="valid")
    for signed, reason in (("none", "is not signed"), ("unchecked", "was not checked")):
        with pytest.raises(BoardError, match=reason):
            check_succession(later, board, supersede=True, signed=signed)
    elsewhere = new_board(board.folder.parents[1], board.protocol().data.name, board="empty-linf")
    with pytest.raises(BoardError, match="holder of a key"):
        check_succession(later, elsewhere, supersede=False)


@pytest.mark.parametrize(
    ("owner", "key"),
    [
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBYf author@machine", True),
        ("ecdsa-sha2-nistp256 AAAAE2VjZHNh==", True),
        ("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t", True),
        ("ssh-ed25519", False),
        ("ssh-ed25519 AAAA\nother ssh-ed25519 AAAA", False),
        ("https://example.org/a", False),
        (None, False),
    ],
)
def test_keys_are_known_by_their_form(owner: str | None, key: bool) -> None:
    assert is_key(owner) is key

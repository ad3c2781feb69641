"""Folders that mean harm. Each is refused in one sentence, nothing of it is run, and the board stays as it was."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from support.submissions import own_code, small_board, state, zoo_built

from bench.boards.store import Board
from bench.boards.submission.builders import check_arguments
from bench.boards.submission.checking import check
from bench.boards.submission.folder import snapshot
from bench.boards.submission.running import run
from bench.boards.submission.safe_yaml import load
from bench.boards.submission.template import write_hash, write_template
from bench.boards.verify import verify
from bench.foundation.errors import BenchError, SubmissionError


class Pickled:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (self.path,))


def many_keys(folder: Path) -> None:
    """A valid file whose header costs a thousand times what its tensors do."""
    entry = '"dtype":"U8","shape":[0],"data_offsets":[0,0]'
    header = ("{" + ",".join(f'"{number:x}":{{{entry}}}' for number in range(100_000)) + "}").encode()
    (folder / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    write_hash(folder)


def edit(folder: Path, before: str, after: str) -> None:
    path = folder / "submission.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))


def pickled(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Pickled(folder.parent / "touched")))
    write_hash(folder)


def linked(folder: Path, make: Callable[[Path, Path], None]) -> None:
    target = folder.parent / "secret"
    target.write_bytes((folder / "weights.safetensors").read_bytes())
    (folder / "weights.safetensors").unlink()
    make(target, folder / "weights.safetensors")


def piped(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    os.mkfifo(folder / "weights.safetensors")


def foldered(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").mkdir()


def torn(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    write_hash(folder)


def headed(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{" + bytes(100))
    write_hash(folder)


BOMB = "a: &a [x, x, x, x]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights": (pickled, "pickle"),
    "weights of another hash": (lambda f: (f / "weights.safetensors").write_bytes(b"0" * 1000), "not the file that"),
    "torn weights": (torn, "not a readable|cannot be built"),
    "a header without end": (headed, "not safetensors"),
    "a link out of the folder": (lambda f: linked(f, lambda old, new: new.symlink_to(old)), "a link"),
    "a hard link": (lambda f: linked(f, lambda old, new: new.hardlink_to(old)), "hard link"),
    "a header with a hundred thousand keys": (many_keys, "longer than"),
    "a folder for the weights": (foldered, "not a plain file"),
    "a pipe": (piped, "not a plain file"),
    "a folder in the folder": (lambda f: (f / "more").mkdir(), "no part of a submission"),
    "another file": (lambda f: (f / "setup.py").write_text("raise SystemExit"), "no part of a submission"),
    "code that is not named": (lambda f: (f / "model.py").write_text("raise SystemExit"), "model.py"),
    "a path for the weights": (lambda f: edit(f, "file: weights.safetensors", "file: ../secret"), "weights.file"),
    "a path for the name": (lambda f: edit(f, "name: mine", "name: ../mine"), "'name'"),
    "a name of the zoo": (lambda f: edit(f, "name: mine", "name: ann_vanilla"), "a model of the zoo"),
    "a name almost of the zoo": (lambda f: edit(f, "name: mine", "name: ann-vanilla"), "a model of the zoo"),
    "a name of a replica": (lambda f: edit(f, "name: mine", "name: snn_at_seed1"), "a model of the zoo"),
    "a formula for the name": (lambda f: edit(f, "name: mine", 'name: "=mine"'), "'name'"),
    "a name with a line break": (lambda f: edit(f, "name: mine", 'name: "mine\\n"'), "'name'"),
    "a YAML bomb": (lambda f: (f / "submission.yaml").write_text(BOMB), "anchors and aliases"),
    "an alias": (lambda f: edit(f, "authors: [A. Nobody]", "authors: &a [*a]"), "anchors and aliases"),
    "a tag": (lambda f: edit(f, "summary: One", "summary: !!python/object/apply:os.system [id] # One"), "tags"),
    "a merge": (lambda f: edit(f, "summary: One", "<<: {summary: x} # One"), "submission.yaml"),
    "a key twice": (lambda f: edit(f, "version: 1", "version: 1\nversion: 2"), "twice"),
    "a large manifest": (lambda f: edit(f, "version: 1", "version: 1 #" + "x" * 40_000), "larger"),
    "a deep manifest": (lambda f: edit(f, "claims: ", "claims: " + "[" * 500 + "]" * 500 + " #"), "deeper"),
    "not text": (lambda f: (f / "submission.yaml").write_bytes(b"\xff\xfe\x00"), "UTF-8"),
    "a summary of the template": (
        lambda f: edit(f, "One network called", "One line about"),
        "'summary' is still",
    ),
    "an author of the template": (lambda f: edit(f, "[A. Nobody]", "[A. Nobody, Your Name]"), "'authors' is still"),
    "a defense of the template": (
        lambda f: edit(f, "defense: None.", "defense: How it was trained or built to resist."),
        "'defense' is still",
    ),
    "an unknown field": (lambda f: edit(f, "version: 1", "version: 1\nrun: id"), "'run'"),
    "any callable as a builder": (lambda f: edit(f, "name: compact", "name: os.system"), "builder.name"),
    "an unknown builder": (lambda f: edit(f, "name: compact", "name: eval"), "eval"),
    "an unknown argument": (lambda f: edit(f, "    steps: 2", "    steps: 2\n    hook: id"), "hook"),
    "steps in hexadecimal": (lambda f: edit(f, "    steps: 2", f"    steps: 0x{'f' * 20_000}"), "a number is longer"),
    "a claim of many digits": (lambda f: edit(f, "claims: {}", f"claims: {{clean: {'9' * 6000}}}"), "a number is longer"),
    "an impossible date": (lambda f: edit(f, "summary: One", "summary: 2026-02-30 # One"), "day is out of range"),
    "steps without end": (lambda f: edit(f, "    steps: 2", "    steps: 100000000"), "more than"),
    "a threshold that is nearly nothing": (lambda f: edit(f, "threshold: 1.0", "threshold: 9.5e-7"), "less than"),
    "a network without end": (lambda f: edit(f, "[4, 4, 4, 4]", "[4096, 4096, 4096, 4096]"), "larger than the weights"),
    "a javascript link": (lambda f: edit(f, 'homepage: ""', 'homepage: "javascript:alert(1)"'), "homepage"),
    "a javascript paper": (lambda f: edit(f, 'url: ""', 'url: "javascript:alert(1)"'), "paper.url"),
    "a link without encryption": (lambda f: edit(f, 'homepage: ""', 'homepage: "http://example.org"'), "homepage"),
    "a formula in a cell": (lambda f: edit(f, "summary: One", "summary: =HYPERLINK() One"), "summary"),
    "a formula as an author": (lambda f: edit(f, "[A. Nobody]", '["+1"]'), "authors"),
    "markup": (lambda f: edit(f, "summary: One", "summary: <img src=x onerror=alert(1)> One"), "summary"),
    "hidden characters": (lambda f: edit(f, "summary: One", 'summary: "a\\u202eb" # One'), "summary"),
    "a claim that is none": (lambda f: edit(f, "claims: {}", "claims: {clean: .nan}"), "claims"),
    "both networks": (
        lambda f: edit(f, "builder:", "code: {file: model.py, factory: build}\nbuilder:"),
        "either builder or code",
    ),
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return small_board(tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_refused_in_one_sentence(board: Board, tmp_path: Path, what: str) -> None:
    folder = zoo_built(tmp_path / "mine")
    change, said = HOSTILE[what]
    change(folder)
    before = state(board.folder)
    with pytest.raises(BenchError, match=said) as caught:
        run(folder, board, out=tmp_path / "records")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    found = check(folder, n=4)
    assert not found.passed
    assert state(board.folder) == before
    assert not (tmp_path / "records").exists()
    assert not (tmp_path / "touched").exists()


def test_the_folder_itself_may_not_be_a_link(tmp_path: Path) -> None:
    zoo_built(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    with pytest.raises(SubmissionError, match="link"), snapshot(tmp_path / "link"):
        pass


def test_own_code_does_not_run_unasked(board: Board, tmp_path: Path) -> None:
    folder = own_code(tmp_path / "mine", f"import os\nos.mkdir({str(tmp_path / 'touched')!r})\n")
    before = state(board.folder)
    with pytest.raises(SubmissionError, match="--trust-code"):
        run(folder, board, out=tmp_path / "records")
    assert not check(folder, n=4).passed
    assert not (tmp_path / "touched").exists()
    assert state(board.folder) == before


@pytest.mark.parametrize("name", ["Mine", "..", "my mine", "=x", "mine.py", "a" * 65])
def test_templates_have_slugs_for_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(SubmissionError):
        write_template(tmp_path / name, own_code=False)


@pytest.mark.parametrize(
    "arguments",
    [
        {"steps": 2, "neuron": {"surrogate": "__import__"}, "encoder": "pickle"},
        {"steps": "2", "neuron": None},
        {"steps": True, "neuron": None},
        {"neuron": None},
        {"steps": 1, "neuron": None, "mean": [float("inf")] * 3},
        {"steps": 1, "neuron": None, "widths": [1] * 1000},
        {"steps": 2, "neuron": {"forward": "x"}},
        {"steps": 2, "neuron": None, "output": {"hook": "x"}},
    ],
)
def test_arguments_have_the_types_of_the_builder(arguments: dict[str, object]) -> None:
    with pytest.raises(SubmissionError, match=r"builder\.arguments"):
        check_arguments("compact", arguments)


@pytest.mark.parametrize(
    "text",
    [b"a: 1\n---\nb: 2\n", b"? [a, b]\n: 1\n", b"1: 2\n", b"a: *b\n", b"a: !x 1\n", b"{a: 1, a: 2}", b"a: [", b"\x00"],
)
def test_yaml_from_strangers_is_plain(text: bytes) -> None:
    with pytest.raises(SubmissionError):
        load(text, "it")


def test_a_good_one_passes_and_enters_once(tmp_path: Path) -> None:
    """The same folder without the harm: what is refused above is refused for its harm."""
    folder = zoo_built(tmp_path / "mine")
    found = check(folder, n=4)
    assert found.passed, found.checks
    board = small_board(tmp_path / "boards")
    _, entry = run(folder, board, out=tmp_path / "records")
    assert entry.card.kind == "zoo_built"
    assert board.names() == [entry.name]
    assert verify(board) == []
    before = state(board.folder)
    assert run(folder, board, out=tmp_path / "records")[1].record_sha256 == entry.record_sha256
    assert state(board.folder) == before
    (board.folder / "table.csv").unlink()  # as a writer that was killed after the entry's record leaves it
    assert verify(board) != []
    run(folder, board, out=tmp_path / "elsewhere")
    assert state(board.folder) == before
    assert not (tmp_path / "elsewhere").exists()  # nothing was evaluated again
    other = zoo_built(tmp_path / "other" / "mine", seed=1)
    with pytest.raises(BenchError, match="is on small-linf/v1 already"):
        run(other, board, out=tmp_path / "records")
    edit(other, "\nversion: 1\n", "\nversion: 2\n")
    with pytest.raises(BenchError, match="--supersede"):
        run(other, board, out=tmp_path / "records")
    edit(other, "[A. Nobody]", "[B. Stranger]")
    with pytest.raises(BenchError, match=r"belongs to A\. Nobody"):
        run(other, board, out=tmp_path / "records", supersede=True)
    assert state(board.folder) == before
    edit(other, "[B. Stranger]", "[A. Nobody]")
    _, second = run(other, board, out=tmp_path / "records", supersede=True)
    assert second.name.version == 2
    assert verify(board) == []

"""``bench board verify`` finds every one of 200 damages to a board, and a reader of records every damage to an archive."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import SHIFT
from support.alarm import in_time
from support.boards import card, measured, new_board, pictures
from support.program import Program
from support.submissions import state
from support.tiny import Linear, labelled

import bench
from bench.boards.challenge_record import Challenge, ChallengeRow
from bench.boards.entering import add_challenge, enter
from bench.boards.gallery import add_galleries
from bench.boards.gallery_record import Gallery, StripImage
from bench.boards.render import render
from bench.boards.store import Board
from bench.boards.strip import Tile, widest_step
from bench.boards.verify import verify
from bench.evaluation.damage import damage
from bench.evaluation.records.archive import RECORDS_FILE, Archive
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.foundation.errors import BenchError, BoardError, RecordError
from soak.damage import damage_file, files, forge

pytestmark = pytest.mark.timeout(600)
DAMAGES, FORGED, QUARTERS, LONGEST = 200, 60, 4, 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with every kind of file: three entries, one superseded, two challenges, two strips of pictures."""
    home = tmp_path_factory.mktemp("damage")
    board = new_board(home / "a" / "b" / "boards", pictures(home / "pictures"))
    for seed, (name, version) in enumerate((("linear", 1), ("linear", 2), ("third", 1))):
        enter(board, measured(board, Linear(seed=seed)), card(name, version, summary=f"Number {seed}"))
    for entry in board.entries()[:2]:
        row = ChallengeRow(sample=0, norm_value=0.05, status="ok", adv_pred=1, robust=0.0, adv_sha256="0" * 16)
        add_challenge(
            board,
            entry.name,
            Challenge(
                record_sha256=entry.record_sha256,
                who="A. Nobody",
                how="Gradients",
                date=entry.card.submitted,
                eps="0.1",
                images_sha256=f"{entry.name.version}" * 64,
                rows=[row],
            ),
        )
    with board.locked():
        add_galleries(board, {entry.name: drawn(entry.name.version, entry.record_sha256) for entry in board.entries()[:2]})
        render(board)
    return board


def drawn(seed: int, record_sha256: str) -> tuple[Gallery, list[Tile]]:
    """Two random images and what might have become of them."""
    clean = np.random.default_rng(seed).integers(2, 250, (2, 8, 8, 3)).astype(np.uint8)
    tiles = [Tile(image, image + 2) for image in clean]
    images = [StripImage(sample=number, before="a", after="b", worst=bool(number)) for number in range(2)]
    name = f"linear@{seed}"
    return Gallery(name=name, record_sha256=record_sha256, eps="0.1", step=widest_step(tiles), images=images), tiles


def test_the_board_has_every_kind_of_file(whole: Board) -> None:
    assert verify(whole) == []
    kinds = {path.suffix or path.name for path in files(whole.folder)}
    assert kinds == {".yaml", ".sha256", ".jsonl", ".parquet", ".csv", ".md", ".webp", ".json", "SHA256SUMS"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(QUARTERS))
def test_every_damage_is_found(whole: Board, tmp_path: Path, first: int) -> None:
    """Two thirds are damages to any one file, the others forgeries whose hashes agree."""
    missed = []
    for number in range(first, DAMAGES, QUARTERS):
        chance = random.Random(f"damage {number + SHIFT}")
        home = Board(whole.name, 1, tmp_path / "a" / "b" / f"{number}" / "v1")
        shutil.copytree(whole.folder, home.folder)
        what = damage_file(home.folder, chance) if number >= FORGED else forge(home, chance)
        with in_time(LONGEST):
            findings = verify(home)
        if not findings or any("\n" in str(finding) for finding in findings):
            missed.append(f"{number}: {what}: {findings}")
        shutil.rmtree(home.folder)
    assert missed == []


def test_a_record_that_was_exchanged_is_named(whole: Board, tmp_path: Path) -> None:
    """Even where every hash, the table and the pictures are brought up to date: the change log says what had entered."""
    home = Board(whole.name, 1, tmp_path / whole.name / "v1")
    shutil.copytree(whole.folder, home.folder)
    lines = home.archive.lines()
    third = home.entry(home.names()[-1])
    home.archive.keep_only([name for name in lines if name != "third@1"])
    other = measured(home, Linear(seed=9))
    home.archive.add({"third@1": other})
    render(home)
    assert third.record_sha256 != home.entry(third.name).record_sha256
    assert any("third@1 entered with another record" in str(finding) for finding in verify(home))


@pytest.mark.parametrize("file", ["CHANGELOG.md", "challenges/*/0001.json"])
@pytest.mark.parametrize("kind", ["another", "missing"])
def test_a_writer_does_not_hide_damage(whole: Board, tmp_path: Path, file: str, kind: str) -> None:
    """A writer renews all hashes. What only grows must then be what it was, or the damage could not be seen any more."""
    home = Board(whole.name, 1, tmp_path / whole.name / "v1")
    shutil.copytree(whole.folder, home.folder)
    path = next(home.folder.glob(file))
    text = path.read_text()
    if kind == "missing":
        path.unlink()
    else:
        path.write_text(text.replace("Tiny", "Tidy").replace("Gradients", "Gradient"))
        assert path.read_text() != text
    before = state(home.folder)
    with pytest.raises(BoardError, match="is not what SHA256SUMS lists"):
        render(home)
    assert state(home.folder) == before
    assert verify(home)
    (home.folder / "SHA256SUMS").unlink()  # whoever means it says so
    render(home)
    assert verify(home) == []


def test_damage_to_an_archive_is_found(whole: Board, tmp_path: Path) -> None:
    """Of records without a board: whoever reads one gets the same record or an error."""
    (tmp_path / "whole").mkdir()
    for name in (RECORDS_FILE, ROWS_FILE):
        shutil.copy(whole.folder / name, tmp_path / "whole" / name)
    kept = contents(tmp_path / "whole")
    for number in range(40):
        chance = random.Random(f"archive {number + SHIFT}")
        folder = tmp_path / "a" / "b" / "c" / f"{number}"
        shutil.copytree(tmp_path / "whole", folder)
        what = damage_file(folder, chance)
        if "a copy" in what or "a link" in what or "a pipe" in what:  # other files of a folder are its own affair
            continue
        try:
            read = contents(folder)
        except BenchError:
            continue
        assert read.items() <= kept.items(), what  # a whole record that is gone is missed by whoever looks for it


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``bench evaluate --save-adv`` leaves: the folder of a record, its rows, and four files of images."""
    model, home = Linear(), tmp_path_factory.mktemp("records")
    bench.evaluate(model, attack=["pgd:steps=2", "fgsm"], eps="0.02,0.1", data=labelled(model, 12), out=home, save_adv=True)
    (place,) = (path for path in home.iterdir() if not path.name.startswith("."))
    assert len(files(place)) == 6
    return place


@pytest.mark.slow
def test_every_damage_to_a_local_record_is_found(evaluated: Path, tmp_path: Path) -> None:
    """Whoever reads it, or verifies the folder that it lies in; images that are gone are missed by whoever wants them."""
    missed, count = [], 0
    for number in range(DAMAGES):
        chance = random.Random(f"record {number + SHIFT}")
        home = tmp_path / "a" / "b" / f"{number}"
        shutil.copytree(evaluated, home / "record")
        what = damage_file(home / "record", chance)
        harmless = ("a copy in", "a link in", "removed in adversarial")
        if not what.startswith(harmless):
            count += 1
            with in_time(LONGEST):
                findings = damage(home)
            if not findings.get(str(home / "record")) or "\n" in str(findings):
                missed.append(f"{number}: {what}: {findings}")
        shutil.rmtree(home)
    assert missed == []
    assert count > DAMAGES / 2


def test_whole_records_are_verified(evaluated: Path, whole: Board, program: Program) -> None:
    done = program("board", "verify", "--records", str(evaluated.parent), "--json")
    assert (done.code, json.loads(done.out)) == (0, {str(evaluated): []})
    assert set(damage(whole.folder)) == {str(whole.folder / name) for name in ("linear@1", "linear@2", "third@1")}
    assert not any(damage(whole.folder).values())


@pytest.mark.parametrize("name", ["record.json", "rows.parquet", "adversarial/attack_0_0.02_0.safetensors"])
def test_a_damaged_record_is_named(evaluated: Path, tmp_path: Path, program: Program, name: str) -> None:
    shutil.copytree(evaluated, tmp_path / "records" / "mine")
    with (tmp_path / "records" / "mine" / name).open("ab") as file:
        file.write(b" ")
    done = program("board", "verify", "--records", str(tmp_path / "records"))
    assert done.code == 1 and name in done.out


def test_a_stopped_evaluation_is_no_damage(tmp_path: Path) -> None:
    place = tmp_path / "unfinished"
    place.mkdir()
    (place / "rows.parquet").write_bytes(b"")
    assert damage(tmp_path) != {}
    (place / "journal.jsonl").write_bytes(b"")
    assert damage(tmp_path) == {}
    with pytest.raises(RecordError, match="cannot be listed"):
        damage(tmp_path / "nowhere")


def contents(folder: Path) -> dict[str, str]:
    """Every record and its rows, as texts. Raises ``BenchError`` if one is damaged."""
    archive = Archive(folder)
    lines = archive.lines()
    records = {name: archive.record_of(line) for name, line in lines.items()}
    return {name: record.model_dump_json() + record.rows.to_json() for name, record in records.items()}

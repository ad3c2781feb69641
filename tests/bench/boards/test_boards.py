"""Boards: what may enter, what is derived, and that no change goes unnoticed."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save_file
from support.alarm import in_time
from support.boards import DAY, card, draft, measured, new_board
from support.killing import killed_before
from support.submissions import state
from support.tiny import Linear

import bench
from bench.boards.card import cards_text
from bench.boards.challenge import Images, read_images, score
from bench.boards.comparison import changes, moves
from bench.boards.entering import enter, release
from bench.boards.naming import EntryName, is_slug, parse_place
from bench.boards.protocol import Protocol, check_program, freeze, read_draft, read_protocol
from bench.boards.ranking import ranks
from bench.boards.render import render
from bench.boards.store import Board, boards, copy_boards, open_board, open_entry
from bench.boards.submission.summary import summary
from bench.boards.verify import verify
from bench.data import load_samples
from bench.evaluation.records.archive import record_text
from bench.evaluation.records.rows_file import read_rows, rows_sha256, write_rows
from bench.evaluation.request import shards
from bench.foundation.errors import BenchError, BoardError, DataError
from bench.foundation.files import sha256_bytes
from bench.foundation.json_text import on_one_line
from bench.models.opening import open_subject
from bench.tasks.classification import task as classification
from bench.tasks.record import Record

ONE, TWO, OTHER = EntryName("linear", 1), EntryName("linear", 2), EntryName("other", 1)


def table(board: Board) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((board.folder / "table.csv").read_text())))


# --- names ---


@pytest.mark.parametrize("name", ["a", "snn_at", "snn-cifar10-linf", "a1_b2"])
def test_slugs(name: str) -> None:
    assert is_slug(name)


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a__b", "a-", "_a", "a/b", "..", "a b", "a.b", "ä", "a\n", "a" * 65, "=a", "a:"]
)
def test_no_slugs(name: str) -> None:
    assert not is_slug(name)
    with pytest.raises(BoardError):
        parse_place(f"{name}/v1/x")


def test_places() -> None:
    assert parse_place("b/v2/m@3") == parse_place("b/v2/m@3")
    found = parse_place("b/v2/m@3")
    assert (found.board, found.version, found.model, found.model_version) == ("b", 2, "m", 3)
    assert parse_place("b/m").version is None
    for text in ("b/v2/m/x", "b/M", "b/m@0", "b/../m", "b/m@x", "/b"):
        with pytest.raises(BoardError):
            parse_place(text)


# --- protocols ---


def test_a_protocol_is_frozen_with_every_parameter(filled: Board) -> None:
    protocol = filled.protocol()
    assert protocol == read_protocol(filled.folder / "protocol.yaml")
    assert protocol.text() == (filled.folder / "protocol.yaml").read_text()
    pgd = protocol.attacks[0]
    assert pgd.parameters["steps"] == 2
    assert pgd.parameters["restarts"] == 1  # a default of the program, now of the protocol
    assert pgd.smooth[0].name == "pgd"
    check_program(protocol)


def test_a_changed_program_is_refused(filled: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(classification, "TASK", replace(classification.TASK, evaluator_version=999))
        with pytest.raises(BoardError, match="evaluator_version"):
            check_program(filled.protocol())
    protocol = filled.protocol()
    first = protocol.attacks[0]
    other = first.model_copy(update={"parameters": first.parameters | {"restarts": 2}})  # as if the default had moved
    changed = protocol.model_copy(update={"attacks": [other, *protocol.attacks[1:]]})
    with pytest.raises(BoardError, match="attacks"):
        check_program(changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"board": "../x"},
        {"eps": ["8"]},
        {"eps": ["0.1", "0.10"]},
        {"eps": []},
        {"rank_by": "0.3"},
        {"attacks": []},
        {"title": "=cmd()"},
        {"title": "<b>"},
        {"surprise": 1},
        {"version": 0},
        {"task": "detection"},
    ],
)
def test_bad_drafts(filled: Board, tmp_path: Path, changed: dict[str, Any]) -> None:
    fields = draft(filled.protocol().data.name).model_dump(mode="json") | changed
    (tmp_path / "draft.yaml").write_text(yaml.safe_dump(fields))
    with pytest.raises(BoardError) as caught:
        read_draft(tmp_path / "draft.yaml")
    assert "\n" not in str(caught.value)


def test_unknown_attacks_are_not_frozen(filled: Board) -> None:
    with pytest.raises(BenchError, match="Did you mean"):
        freeze(draft(filled.protocol().data.name, attacks=["pdg"]))


def test_versions_follow_each_other(board: Board) -> None:
    root, data = board.folder.parents[1], board.protocol().data.name
    for version in (1, 3):
        with pytest.raises(BoardError, match="v2"):
            new_board(root, data, version=version, eps=["0.1"])
    second = new_board(root, data, version=2, eps=["0.1"], summary="Only the large radius.")
    assert [str(one) for one in boards(root)] == ["tiny-linf/v1", "tiny-linf/v2"]
    assert open_board("tiny-linf", root) == second
    assert open_board("tiny-linf/v1", root) == board
    assert verify(second) == []
    assert {change.field for change in changes(board, second)} == {"summary", "eps"}
    enter(second, measured(second, Linear(seed=2)), card("other"))
    moved = {move.name: move for move in moves(board, second)}
    assert moved[OTHER].before == moved[OTHER].after
    assert moved[TWO].after is None


def test_a_release_that_was_killed_is_finished_by_the_same_one(board: Board, tmp_path: Path) -> None:
    """Whichever of its writes it died before, and although another day has come; the protocol stays the one of the first."""
    data = board.protocol().data.name
    wanted = new_board(tmp_path / "whole", data)
    for step in count():
        root = tmp_path / f"{step}"
        finished = killed_before(step, lambda root=root: new_board(root, data))  # type: ignore[misc]
        begun = bool(boards(root))
        again = release(freeze(draft(data), released=DAY if not begun else DAY + datetime.timedelta(1)), root)
        assert state(again.folder) == state(wanted.folder)
        if finished:
            break
    assert step > 3
    with pytest.raises(BoardError, match="v2"):
        new_board(tmp_path / "whole", data, title="Another")


def test_copies_of_boards_are_whole_or_absent(board: Board, tmp_path: Path) -> None:
    source, target = tmp_path / "boards", tmp_path / "copies" / "leaderboards"
    shutil.copytree(board.folder, source / board.name / "v1")
    for step in count():
        if killed_before(step, lambda: copy_boards(source, target)):
            break
        if not target.exists():
            continue
        assert state(target) == state(source)
        shutil.rmtree(target)
    assert state(target) == state(source)
    assert [path.name for path in target.parent.iterdir()] == ["leaderboards"]
    assert step > 0
    with pytest.raises(BoardError, match="lies within"):
        copy_boards(source, source / "copy")


def test_only_versions_of_one_board_are_compared(board: Board) -> None:
    other = new_board(board.folder.parents[1], board.protocol().data.name, board="other-linf")
    with pytest.raises(BoardError, match="tiny-linf/v1 and other-linf/v1 are different boards"):
        changes(board, other)
    assert changes(board, board) == []


def test_boards_of_unknown_tasks_are_not_released(tmp_path: Path, filled: Board) -> None:
    protocol = Protocol.model_validate(filled.protocol().model_dump() | {"task": "quality"})
    with pytest.raises(BoardError):
        release(protocol.model_copy(update={"task": "detection"}), tmp_path)
    assert not list(tmp_path.iterdir())


# --- entries ---


def test_the_table(filled: Board) -> None:
    rows = table(filled)
    assert {(row["model"], row["version"], row["status"]) for row in rows} == {
        ("linear", "2", "current"),
        ("other", "1", "current"),
        ("linear", "1", "superseded"),
    }
    assert rows[-1]["status"] == "superseded"
    assert rows[-1]["rank"] == ""
    by_rank = [float(row["robust@0.1"]) for row in rows if row["rank"]]
    assert by_rank == sorted(by_rank, reverse=True)
    record = filled.entry(ONE).record
    worst = record.rows[record.rows.eps == 0.1].groupby("sample")["robust"].min().mean()
    assert float(rows[-1]["robust@0.1"]) == pytest.approx(worst, abs=1e-6)
    assert rows[-1]["best_known_external@0.1"] == ""
    assert rows[-1]["record_sha256"] == filled.entry(ONE).record_sha256 == filled.archive.lines()[str(ONE)].record_sha256


def test_reopening(filled: Board) -> None:
    root = filled.folder.parents[1]
    assert open_entry("tiny-linf/linear", root)[1].name == TWO
    assert open_entry("tiny-linf/v1/linear@1", root)[1].name == ONE
    for text in ("tiny-linf", "tiny-linf/linera", "tiny-lin/linear", "tiny-linf/v7/linear", "tiny-linf/linear@9"):
        with pytest.raises(BenchError):
            open_entry(text, root)


def test_unreliable_entries_have_no_rank(filled: Board) -> None:
    entries = filled.entries()
    assert set(ranks(entries, filled.protocol())) <= {TWO, OTHER}
    for entry in entries:
        unreliable = entry.record.reliability.model_copy(update={"status": "unreliable"})
        object.__setattr__(entry, "record", entry.record.model_copy(update={"reliability": unreliable}))
    assert ranks(entries, filled.protocol()) == {}


def test_nothing_is_overwritten(board: Board, spare: Record) -> None:
    before = state(board.folder)
    with pytest.raises(BoardError, match="never overwritten"):
        enter(board, spare, card())
    assert state(board.folder) == before
    assert verify(board) == []


def altered(record: Record, **changed: Any) -> Record:
    return record.model_copy(update=changed).with_rows(record.rows)


def with_rows(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Record], Record]:
    return lambda record: record.model_copy().with_rows(change(record.rows.copy()))


def undecided(rows: pd.DataFrame) -> pd.DataFrame:
    standing = rows.index[rows["selection"] > 0][0]
    rows.loc[standing, "status"] = "attack_error"
    return rows


def flipped(rows: pd.DataFrame) -> pd.DataFrame:
    fallen = rows.index[rows["verdict"] == "broken"][0]
    rows.loc[fallen, ["robust", "selection"]] = 1.0
    rows.loc[fallen, "verdict"] = "robust"
    return rows


BAD: dict[str, Callable[[Record], Record]] = {
    "protocol differ": lambda record: altered(record, protocol=None),
    "evaluator's version": lambda record: altered(record, evaluator_version=0),
    "its samples": lambda record: altered(record, data=record.data.model_copy(update={"sha256": "0" * 64})),
    "its norm": lambda record: altered(record, norm="l2"),
    "its seed": lambda record: altered(record, seed=1),
    "its draws": lambda record: altered(record, settings={"eot": 2, "scorings": 1}),
    "its images": lambda record: altered(record, settings={**record.settings, "eight_bit": True}),
    "its attacks": lambda record: altered(record, attacks=record.attacks[:1]),
    "parameters of": lambda record: altered(
        record, attacks=[record.attacks[0].model_copy(update={"passed": {"steps": 1}}), record.attacks[1]]
    ),
    "verdict": lambda record: altered(record, reliability=record.reliability.model_copy(update={"status": "unreliable"})),
    "rows of 12": with_rows(lambda rows: rows.iloc[:-1]),  # an interrupted run
    "other samples": with_rows(lambda rows: rows.assign(sample=rows["sample"] + (rows["attack"] == "fgsm"))),
    "undecided": with_rows(undecided),
    "does not follow from the rows": with_rows(flipped),
    "verdicts that": with_rows(lambda rows: rows.assign(verdict="robust")),
    "wrong without one": with_rows(
        lambda rows: rows.assign(selection=np.where(rows["verdict"] == "clean_wrong", 1.0, rows["selection"]))
    ),
    "outside of the ball": with_rows(lambda rows: rows.assign(norm_value=0.5)),
    "noise": with_rows(lambda rows: rows.assign(noise_k=1.0, noise_1=np.where(rows["clean_correct"] > 0, 0.0, 0.0))),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_may_not_enter(board: Board, spare: Record, reason: str) -> None:
    before = state(board.folder)
    with pytest.raises(BoardError, match=reason):
        enter(board, BAD[reason](spare), card("bad"))
    assert state(board.folder) == before


def test_a_board_is_a_few_files(filled: Board) -> None:
    derived = ["CHANGELOG.md", "SHA256SUMS", "table.csv"]
    sources = ["cards.yaml", "protocol.sha256", "protocol.yaml", "records.jsonl", "rows.parquet"]
    assert list(state(filled.folder)) == sorted(derived + sources)


def test_one_more_entry_adds_lines_and_changes_none(board: Board, spare: Record) -> None:
    texts = {name: (board.folder / name).read_text() for name in ("records.jsonl", "cards.yaml", "CHANGELOG.md")}
    enter(board, spare, card("mine"))
    after = {name: (board.folder / name).read_text() for name in texts}
    for name in ("cards.yaml", "CHANGELOG.md"):
        assert after[name].startswith(texts[name])
    (added,) = set(after["records.jsonl"].splitlines()) - set(texts["records.jsonl"].splitlines())
    assert after["records.jsonl"].replace(f"{added}\n", "") == texts["records.jsonl"]


def test_the_first_entry_of_a_new_board(board: Board, spare: Record) -> None:
    second = new_board(board.folder.parents[1], board.protocol().data.name, version=2)
    assert not second.names()
    assert list(state(second.folder)) == ["CHANGELOG.md", "SHA256SUMS", "protocol.sha256", "protocol.yaml", "table.csv"]
    assert verify(second) == []
    assert enter(second, measured(second), card("first")).name == EntryName("first", 1)
    assert verify(second) == []


# --- drift ---


def edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))


def record_field(board: Board, change: Callable[[dict[str, Any]], None], *, hashed: bool = True) -> None:
    """Change the record of an entry. hashed: its line names the hash of the new one."""
    lines = board.archive.lines()
    fields = json.loads(lines[str(ONE)].record)
    change(fields)
    text = on_one_line(json.dumps(fields))
    sha256 = sha256_bytes(record_text(text)) if hashed else lines[str(ONE)].record_sha256
    lines[str(ONE)] = replace(lines[str(ONE)], record=text, record_sha256=sha256)
    board.archive.path.write_text("".join(line.text() for line in lines.values()))


def changed_rows(board: Board, change: Callable[[pd.DataFrame], pd.DataFrame], *, hashed: bool = True) -> None:
    """Change the rows of an entry. hashed: its line names the hash of the new ones."""
    path, lines = board.folder / "rows.parquet", board.archive.lines()
    rows = read_rows(path)
    rows[str(ONE)] = change(rows[str(ONE)])
    write_rows(path, rows)
    if hashed:
        lines[str(ONE)] = replace(lines[str(ONE)], rows_sha256=rows_sha256(rows[str(ONE)]))
        board.archive.path.write_text("".join(line.text() for line in lines.values()))


def lost(board: Board) -> None:
    """An entry whose line, rows and card are gone."""
    board.archive.keep_only([str(name) for name in board.names() if name != ONE])
    cards = board.cards()
    (board.folder / "cards.yaml").write_text(cards_text({name: card for name, card in cards.items() if name != ONE}))


def stray_rows(board: Board) -> None:
    """What a writer leaves that is killed between the rows and the record."""
    rows = read_rows(board.folder / "rows.parquet")
    write_rows(board.folder / "rows.parquet", rows | {"ghost@1": rows[str(ONE)]})


def cards(board: Board, change: Callable[[str], str]) -> None:
    edit(board.folder / "cards.yaml", change)


DRIFT: dict[str, tuple[Callable[[Board], object], str]] = {
    "protocol": (lambda b: edit(b.folder / "protocol.yaml", lambda t: t.replace("0.02", "0.01")), "not the one that was"),
    "protocol's comment": (lambda b: edit(b.folder / "protocol.yaml", lambda t: t + "# hm\n"), "not the one that was"),
    "protocol's hash": (lambda b: (b.folder / "protocol.sha256").unlink(), "not the one that was"),
    "table": (lambda b: edit(b.folder / "table.csv", lambda t: t.replace("other", "best")), "table.csv"),
    "change log": (lambda b: edit(b.folder / "CHANGELOG.md", lambda t: t.replace("`other@1`", "`x@1`")), "CHANGELOG"),
    "released protocol's name": (
        lambda b: edit(b.folder / "CHANGELOG.md", lambda t: t.replace(b.protocol_sha256[:16], "0" * 16)),
        "released protocol",
    ),
    "a result": (lambda b: record_field(b, lambda f: f["results"][0]["robust"].update(value=1.0)), "robust of pgd"),
    "a count": (
        lambda b: record_field(b, lambda f: f["results"][0]["stages"][0].update(broken=0, attempted=0)),
        "stage pgd",
    ),
    "a cell": (lambda b: record_field(b, lambda f: f["results"].pop()), "attacks and radii"),
    "seconds": (lambda b: record_field(b, lambda f: f.update(seconds=1.0)), "table.csv"),
    "seconds alone": (lambda b: record_field(b, lambda f: f.update(seconds=1.0), hashed=False), "not the record"),
    "no record": (lambda b: b.archive.path.write_text(""), "table.csv"),
    "half a line": (lambda b: edit(b.archive.path, lambda t: t[:-100]), "damaged"),
    "a line that stands there twice": (lambda b: edit(b.archive.path, lambda t: t + t.splitlines(True)[0]), "twice"),
    "rows": (lambda b: (b.folder / "rows.parquet").write_bytes(b"PAR1"), "damaged"),
    "no rows": (lambda b: (b.folder / "rows.parquet").unlink(), "missing"),
    "changed rows": (lambda b: changed_rows(b, flipped, hashed=False), "not what its line names"),
    "forged rows": (lambda b: changed_rows(b, flipped), "does not follow from the rows"),
    "rows of nothing": (stray_rows, "ghost@1 is no entry"),
    "a card": (lambda b: cards(b, lambda t: t.replace("name: linear", "name: other", 1)), "card"),
    "a card's summary": (lambda b: cards(b, lambda t: t.replace("Another one", "The best")), "table.csv"),
    "a card's author": (lambda b: cards(b, lambda t: t.replace("A. Nobody", "A. Cheat")), "cards.yaml"),
    "a card's comment": (lambda b: cards(b, lambda t: t + "# hm\n"), "cards.yaml"),
    "a card of nothing": (lambda b: cards(b, lambda t: t + cards_text({EntryName("x", 1): card("x")})), "x@1 is no entry"),
    "a lost card": (
        lambda b: cards(b, lambda t: t[: t.index("linear@2:")] + t[t.index("other@1:") :]),
        "linear@2 has no card",
    ),
    "no cards": (lambda b: (b.folder / "cards.yaml").unlink(), "no card"),
    "a lost entry": (lost, "table.csv"),
    "a foreign file": (lambda b: (b.folder / "x.pkl").write_bytes(b""), "no part of a board"),
    "a foreign folder": (lambda b: write(b.folder / "entries" / "X" / "record.json"), "no part of a board"),
    "a foreign challenge": (lambda b: write(b.folder / "challenges" / "0001.json"), "no part of a board"),
    "a challenge to nobody": (lambda b: write(b.folder / "challenges" / "x@1" / "0001.json"), "not listed"),
    "a link": (lambda b: (b.folder / "rows2.parquet").symlink_to("rows.parquet"), "no part of a board"),
    "the hashes": (lambda b: edit(b.folder / "SHA256SUMS", lambda t: t.replace("a", "b", 1)), "SHA256SUMS"),
    "no hashes": (lambda b: (b.folder / "SHA256SUMS").unlink(), "SHA256SUMS"),
    "more hashes": (lambda b: edit(b.folder / "SHA256SUMS", lambda t: t + "\n"), "SHA256SUMS"),
}


def write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("{}")


@pytest.mark.parametrize("what", DRIFT)
def test_drift_is_found(board: Board, what: str) -> None:
    assert verify(board) == []
    change, said = DRIFT[what]
    change(board)
    found = [str(finding) for finding in verify(board)]
    assert found
    assert any(said in one for one in found), found
    assert all("\n" not in one for one in found)


@pytest.mark.slow
def test_any_flipped_byte_is_found(board: Board) -> None:
    """In every file of a board, at random places."""
    chance = random.Random(0)
    for path in sorted(path for path in board.folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for place in {0, len(content) - 1, *chance.sample(range(len(content)), 6)}:
            flipped = content[place] ^ (1 << chance.randrange(8))
            path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
            assert verify(board), f"{path.name}, byte {place}"
        path.write_bytes(content)
    assert verify(board) == []


def test_the_hashes_are_those_of_sha256sum(filled: Board) -> None:
    lines = (filled.folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: sha256 for sha256, name in (line.split("  ") for line in lines)}
    assert listed == {name: sha256 for name, sha256 in state(filled.folder).items() if name != "SHA256SUMS"}


def test_metadata_can_be_edited_without_evaluating(board: Board, spare: Record) -> None:
    path = board.folder / "cards.yaml"
    edit(path, lambda text: "# by hand\n" + text.replace("Another one", "Renamed"))
    render(board)
    assert verify(board) == []
    assert "Renamed" in (board.folder / "table.csv").read_text()
    enter(board, spare, card("third"))
    assert path.read_text().startswith("# by hand\n")


@pytest.mark.parametrize("kept", [0, 1])
def test_entries_that_lost_their_record_are_not_rendered_away(board: Board, kept: int) -> None:
    """Rows and cards of entries are kept if ``records.jsonl`` is lost, in whole or in part."""
    path = board.archive.path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:kept]))
    before = state(board.folder)
    with pytest.raises(BoardError, match=r"has entered tiny-linf/v1 and has no record"):
        render(board)
    assert state(board.folder) == before


def test_an_entry_without_a_card_is_not_rendered_away(board: Board) -> None:
    """A card under a wrong name is the user's to correct, not the program's to remove."""
    path = board.folder / "cards.yaml"
    edit(path, lambda text: text.replace("other@1:", "othre@1:").replace("name: other", "name: othre"))
    before = path.read_text()
    with pytest.raises(BoardError, match="other@1 has no card"):
        render(board)
    assert path.read_text() == before


@pytest.mark.parametrize(
    "changed",
    [{"summary": "<script>"}, {"summary": "=1+1"}, {"homepage": "javascript:alert(1)"}, {"paper": {"url": "http://x.org"}}],
)
def test_metadata_is_plain(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        card(**changed)


def test_images_of_an_evaluation_are_a_challenge_as_they_are(filled: Board, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(shards, "MOST_ROWS", 5)
    protocol, entry = filled.protocol(), filled.entries()[0]
    samples = load_samples(protocol.data.name)
    bench.evaluate(Linear(), attack="pgd:steps=5", eps="0.1", data=protocol.data.name, out=tmp_path, save_adv=True)
    files = sorted(tmp_path.glob("*/adversarial/*.safetensors"))
    given = [read_images(file, samples) for file in files]
    assert torch.equal(torch.cat([one.samples for one in given]), samples.ids)
    record = bench.read_record(next(tmp_path.glob("[!.]*")))
    robust = record.rows.set_index("sample")["robust"]
    for one in given:
        found = score(open_subject(Linear()), samples, one, entry, protocol, eps="0.1", who="A", how="PGD")
        assert {row.status for row in found.rows} == {"ok"}
        assert {row.sample: row.robust for row in found.rows} == {i: robust[i] for i in one.samples.tolist()}


@pytest.mark.parametrize(
    "words", [{"link": "http://x.org"}, {"link": "nowhere"}, {"who": ""}, {"who": "<b>"}, {"how": "=1+1"}, {"who": "a\nb"}]
)
def test_words_of_a_challenge_are_plain(filled: Board, words: dict[str, str]) -> None:
    samples = load_samples(filled.protocol().data.name)
    given = Images(samples.images, samples.ids, "0" * 64)
    entry = filled.entries()[0]
    with pytest.raises(BoardError, match=f"^{next(iter(words))} is .* may not stand on a board: ") as caught:
        score(
            open_subject(Linear()), samples, given, entry, filled.protocol(), eps="0.1", **({"who": "A", "how": "B"} | words)
        )
    assert "\n" not in str(caught.value)


def test_the_change_log_only_grows(board: Board, spare: Record) -> None:
    path = board.folder / "CHANGELOG.md"
    edit(path, lambda text: text + "- 2026-01-03: a note by hand\n")
    before = path.read_text()
    enter(board, spare, card("third"))
    assert path.read_text().startswith(before)
    assert f"{DAY}: `third@1` entered" in path.read_text()[len(before) :]
    assert verify(board) == []


def test_the_page_of_an_entry_shows_foreign_text_as_it_is(filled: Board) -> None:
    entry = filled.entry(ONE)
    card_of_stranger = entry.card.model_copy(update={"summary": "![x](https://example.org/a.png) | # y"})
    verdict = entry.record.reliability.model_copy(update={"reasons": ["failed: <img src=x>\n\n# Rank 1\n::notice::z"]})
    record = entry.record.model_copy(update={"reliability": verdict}).with_rows(entry.record.rows)
    page = summary(filled, replace(entry, card=card_of_stranger, record=record))
    assert r"!\[x\](https:\//example.org/a.png) \| # y" in page
    assert r"- failed: \<img src=x\> # Rank 1 ::notice::z" in page


@pytest.mark.parametrize("text", ["\uff1dcmd", "\uff0b1", "a\u3164b", "\uff1cimg\uff1e", "a\u2800", "a\ufe0fb"])
def test_disguised_text_does_not_enter(text: str) -> None:
    with pytest.raises(ValueError, match="summary"):
        card(summary=text)


@pytest.mark.parametrize(
    "tensors",
    [
        {"images": torch.tensor(0.5), "samples": torch.tensor(0)},
        {"images": torch.rand(3), "samples": torch.arange(3)},
        {"images": torch.rand(1, 1, 3, 3), "samples": torch.tensor(0)},
        {"images": torch.tensor(0.5)},
        {"images": torch.rand(0, 1, 3, 3), "samples": torch.arange(0)},
        {"samples": torch.arange(3)},
    ],
    ids=["two scalars", "numbers", "one scalar", "a scalar alone", "none", "no images"],
)
def test_a_challenge_that_is_no_stack_of_images(filled: Board, tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "adversarial.safetensors"
    save_file(tensors, path)
    with pytest.raises(DataError):
        read_images(path, load_samples(filled.protocol().data.name))


def test_a_challenge_longer_than_the_board_is_refused_unread(filled: Board, tmp_path: Path) -> None:
    """Also one that takes no room on the disk. Whoever reads a pipe would wait for ever."""
    samples, path = load_samples(filled.protocol().data.name), tmp_path / "adversarial.safetensors"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DataError, match="is larger than"):
        read_images(path, samples)
    path.unlink()
    os.mkfifo(path)
    with in_time(30), pytest.raises(DataError, match="is no file"):
        read_images(path, samples)
    path.unlink()
    save_file({"images": samples.images, "samples": samples.ids}, path, {"words": "x" * 2**20})
    assert torch.equal(read_images(path, samples).images, samples.images)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: !!int ata", f"a: {'9' * 6000}", "a: 2026-02-30", "[" * 3000], ids=repr)
def test_odd_yaml_in_drafts_and_cards(board: Board, tmp_path: Path, text: str) -> None:
    (tmp_path / "draft.yaml").write_text(text)
    with pytest.raises(BoardError, match="not valid YAML"):
        read_draft(tmp_path / "draft.yaml")
    (board.folder / "cards.yaml").write_text(text)
    assert any("not valid YAML" in str(finding) for finding in verify(board))


def test_a_challenge_nested_without_end_is_a_finding(board: Board) -> None:
    folder = board.challenges_folder(ONE)
    folder.mkdir(parents=True)
    (folder / "0001.json").write_text("[" * 100_000 + "]" * 100_000)
    assert any("not a readable challenge" in str(finding) for finding in verify(board))

"""Doors for what runs, records and submissions are made of."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import strategies as st

from bench.boards.submission.frames import LENGTHS, Frame, lengths, unpacked
from bench.evaluation.journal import Journal
from bench.evaluation.records.archive import RECORDS_FILE, Archive, Line
from bench.evaluation.records.parsing import parse_record
from bench.evaluation.records.rows_file import ROWS_FILE, entries_in, read_frame, read_rows, write_rows
from bench.evaluation.saved_images import is_saved, path_of
from bench.tasks.inheritance import read
from bench.tasks.unit import UnitKey
from bench.training.checkpoint import Checkpoint
from fuzz import samples
from fuzz.door import Door, from_file
from fuzz.grammar import changed, mutated, texts
from zoo.tensors import parse_tensors

STAGE = UnitKey("attack", 0, 0.1, 0, 0)
REPLY = Frame({"operation": "answer", "seconds": 0.5, "names": ["a"]}, {"logits": torch.rand(2, 3)}).packed()


@st.composite
def journals(draw: st.DrawFn) -> bytes:
    """Journals whose checksums are right, of units that are not as they should be."""
    bodies = draw(st.lists(changed(["clean/0", {"a": [1]}], "json"), max_size=3))
    return b"".join(map(samples.journal_line, [b'["run","i"]', *bodies]))


def _journal(path: Path) -> None:
    with Journal.open(path, identity="i") as journal:
        journal.append("clean/1", {"a": 1})


def _archive(path: Path) -> None:
    archive = Archive(path.parent)
    for line in archive.lines().values():
        archive.record_of(line)


def _forged(content: bytes, folder: Path) -> None:
    """A record in an archive whose hashes are right."""
    frame = samples.few_rows()
    line = Line.of("a@1", content.decode(), frame)
    write_rows(folder / ROWS_FILE, {"a@1": frame})
    (folder / RECORDS_FILE).write_text(line.text(), encoding="utf-8")
    _archive(folder / RECORDS_FILE)


def _rows(path: Path) -> None:
    entries_in(path)
    read_rows(path)
    read_rows(path, "a@1")


def _saved(content: bytes, folder: Path) -> None:
    """A damaged file counts as missing, and is never an error."""
    path = path_of(folder, STAGE.text)
    path.parent.mkdir()
    path.write_bytes(content)
    is_saved(folder, STAGE)


def _reply(content: bytes, folder: Path) -> None:
    head, body = lengths(content[:LENGTHS])
    unpacked(content[LENGTHS : LENGTHS + head], content[LENGTHS + head : LENGTHS + head + body])


def _handed_down(content: bytes, folder: Path) -> None:
    read([content.decode(errors="replace")], torch.zeros(1, 1, 2, 2))


DOORS: dict[str, Door] = {
    "record": Door(
        changed(samples.record(), "json"), lambda content, folder: parse_record(content.decode(errors="replace"), "it")
    ),
    "archive": Door(
        texts(samples.first_lines(samples.RECORDS / samples.RECORDS_FILE, 1)), from_file("records.jsonl", _archive)
    ),
    "forged archive": Door(changed(samples.record(), "json"), _forged),
    "rows": Door(mutated([samples.rows()]), from_file("rows.parquet", _rows)),
    "frame": Door(mutated([samples.frame()]), from_file("rows.parquet", read_frame)),
    "journal": Door(mutated([samples.journal()]) | journals(), from_file("journal.jsonl", _journal)),
    "tensors": Door(mutated(samples.images()), lambda content, folder: parse_tensors(content), (ValueError,)),
    "checkpoint": Door(mutated([*samples.images(), samples.checkpoint()]), from_file("a.safetensors", Checkpoint.read)),
    "saved images": Door(mutated(samples.images(), [b'"__metadata__":null,', b'"sha256":']), _saved, ()),
    "reply": Door(mutated([REPLY], [b"\xff" * 8, b"[" * 40, b"null", b'"', b"1e999"]), _reply, (ValueError,)),
    "handed down": Door(mutated([b"0x1p-3:eJxjYGBgAAAABAAB", b"0x1.8p+1:eJxjYGRkBAAACgAF"]), _handed_down, (ValueError,)),
}

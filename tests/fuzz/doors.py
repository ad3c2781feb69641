"""The doors: where text and bytes of others come in, what may come in there, and how it may be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import yaml
from hypothesis import strategies as st

from bench.boards.card import read_cards
from bench.boards.challenge import read_images
from bench.boards.challenge_record import read_challenges
from bench.boards.gallery import read_galleries
from bench.boards.naming import EntryName, parse_place
from bench.boards.protocol import read_draft, read_protocol
from bench.boards.store import Board
from bench.boards.strip import decoded
from bench.boards.submission.builders import check_arguments
from bench.boards.submission.schema import parse
from bench.data.events.aedat3 import parse_labels
from bench.data.events.reader import read_events
from bench.data.events.recording import Sensor
from bench.data.events.spec import parse_event_spec
from bench.data.folders.table import read_table
from bench.data.images.decode import read_pixels
from bench.data.spikecam.stream import SpikeStream
from bench.evaluation.journal import Journal
from bench.evaluation.records.archive import Archive
from bench.evaluation.records.parsing import parse_record
from bench.evaluation.records.rows_file import entries_in, read_frame, read_rows
from bench.evaluation.request.attack_specs import resolve_attack, resolve_path
from bench.foundation.errors import BenchError
from bench.foundation.model_refs import parse_model_ref
from bench.foundation.spec import parse_eps, parse_spec
from bench.studies.claims.claim import read_claims
from bench.training.checkpoint import Checkpoint
from fuzz import commands, samples
from fuzz.grammar import changed, mutated, odd_words, texts
from zoo.card import read_card
from zoo.plain_yaml import load_plain
from zoo.tensors import parse_tensors

Entering = Callable[[bytes, Path], object]


@dataclass(frozen=True)
class Door:
    """enter: reads an input; the folder is scratch. refusals: what it may raise."""

    inputs: st.SearchStrategy[bytes]
    enter: Entering
    refusals: tuple[type[Exception], ...] = (BenchError,)
    prepare: Callable[[Path], None] = lambda folder: None


def from_file(name: str, read: Callable[[Path], object]) -> Entering:
    """A reader of files, for bytes."""

    def enter(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return enter


def from_text(*readers: Callable[[str], object]) -> Entering:
    """Readers of text, each of which gets it. Raises the last refusal."""

    def enter(content: bytes, folder: Path) -> None:
        text, refused = content.decode("utf-8", errors="surrogatepass"), None
        for read in readers:
            try:
                read(text)
            except BenchError as error:
                refused = error
        if refused is not None:
            raise refused

    return enter


def _submission(content: bytes, folder: Path) -> None:
    submission = parse(content)
    if submission.builder is not None:
        check_arguments(submission.builder.name, submission.builder.arguments)


def _journal(path: Path) -> None:
    with Journal.open(path, identity="i") as journal:
        journal.append("clean/1", {"a": 1})


def _archive(path: Path) -> None:
    archive = Archive(path.parent)
    for line in archive.lines().values():
        archive.record_of(line)


def _rows(path: Path) -> None:
    entries_in(path)
    read_rows(path)
    read_rows(path, "a@1")


def _camera(content: bytes, folder: Path) -> None:
    """The configuration, then a line of ``---8<---``, then the recording."""
    head, _, body = content.partition(b"---8<---")
    (folder / "config.yaml").write_bytes(head)
    (folder / "spikes.dat").write_bytes(body)
    stream = SpikeStream.open(folder / "spikes.dat")
    stream.planes(0, min(len(stream), 2))


def _table(path: Path) -> None:
    (path.parent / "a.png").write_bytes(b"")
    read_table(path.parent, path)


def _galleries(path: Path) -> None:
    (path.parent / "gallery").mkdir(exist_ok=True)
    path.replace(path.parent / "gallery" / "gallery.jsonl")
    read_galleries(Board("x", 1, path.parent))


WORDS = st.lists(odd_words, min_size=1, max_size=3).map(lambda words: "".join(words).encode("utf-8", errors="surrogatepass"))
IDS = torch.arange(4)
SENSOR = Sensor(34, 34)
SPECS = (
    parse_spec,
    parse_eps,
    partial(parse_eps, norm="events_l0"),
    parse_model_ref,
    resolve_attack,
    resolve_path,
    parse_place,
)
CAMERA = b"spike_h: 4\nspike_w: 6\nidle_columns: [[6, 8]]\nrows: top_down\n---8<---" + bytes(range(16))
TABLE = "name,mos,std\na.png,0.5,0.1\n", 'name;mos\n"a.png";0,5\n', "a.png\t3\n"
LABELS = "class,startTime_usec,endTime_usec\n1,100,200\n2,300,400\n"

DOORS: dict[str, Door] = {
    "cli": Door(commands.command_lines(), commands.enter, (), commands.prepare),
    "spec": Door(WORDS, from_text(*SPECS, EntryName.parse, partial(parse_event_spec, T=10))),
    "yaml": Door(
        texts("a: {b: [1, 2.5, x], c: 2026-01-02}\n", "- a\n- 'b'\n"),
        lambda content, folder: load_plain(content),
        (ValueError,),
    ),
    "draft": Door(
        texts(samples.DRAFT.read_text()) | changed(yaml.safe_load(samples.DRAFT.read_text()), "yaml"),
        from_file("draft.yaml", read_draft),
    ),
    "protocol": Door(
        changed(yaml.safe_load((samples.BOARD.folder / "protocol.yaml").read_text()), "yaml"),
        from_file("protocol.yaml", read_protocol),
    ),
    "cards": Door(
        texts(samples.first_lines(samples.BOARD.folder / "cards.yaml", 40))
        | changed(yaml.safe_load((samples.BOARD.folder / "cards.yaml").read_text()), "yaml"),
        from_file("cards.yaml", read_cards),
    ),
    "zoo card": Door(
        texts((samples.LEADERBOARDS.parent / "zoo" / "cards" / "snn_at.yaml").read_text())
        | changed(yaml.safe_load((samples.LEADERBOARDS.parent / "zoo" / "cards" / "snn_at.yaml").read_text()), "yaml"),
        from_file("snn_at.yaml", read_card),
        (ValueError,),
    ),
    "submission": Door(
        changed(samples.manifest(own_code=False), "yaml") | changed(samples.manifest(own_code=True), "yaml"), _submission
    ),
    "claims": Door(
        texts(samples.first_lines(samples.LEADERBOARDS / "claims.yaml", 30)),
        from_file("claims.yaml", lambda path: read_claims(path.parent)),
    ),
    "record": Door(
        changed(samples.record(), "json"), lambda content, folder: parse_record(content.decode(errors="replace"), "it")
    ),
    "archive": Door(
        texts(samples.first_lines(samples.RECORDS / samples.RECORDS_FILE, 1)), from_file("records.jsonl", _archive)
    ),
    "rows": Door(mutated([samples.rows()]), from_file("rows.parquet", _rows)),
    "frame": Door(mutated([samples.frame()]), from_file("rows.parquet", read_frame)),
    "journal": Door(mutated([samples.journal()]), from_file("journal.jsonl", _journal)),
    "challenge": Door(mutated(samples.images()), from_file("adversarial.safetensors", lambda path: read_images(path, IDS))),
    "tensors": Door(mutated(samples.images()), lambda content, folder: parse_tensors(content), (ValueError,)),
    "checkpoint": Door(mutated(samples.images()), from_file("checkpoint.safetensors", Checkpoint.read)),
    "challenge record": Door(
        changed(samples.challenge(), "json"), from_file("0001.json", lambda path: read_challenges(path.parent))
    ),
    "gallery": Door(
        texts(
            '{"name":"a@1","record_sha256":"0","eps":"1","step":3,"shown":[{"sample":1,"before":"a","after":"b","worst":true}]}\n'
        ),
        from_file("list.jsonl", _galleries),
    ),
    "strip": Door(mutated([samples.strip()]), lambda content, folder: decoded(content, 2, 60)),
    "picture": Door(mutated(samples.pictures()), from_file("a.png", read_pixels)),
    "table": Door(texts(*TABLE), from_file("scores.csv", _table)),
    "gestures": Door(texts(LABELS), lambda content, folder: parse_labels(content.decode(errors="replace")), (ValueError,)),
    "camera": Door(mutated([CAMERA], [b"spike_h: 0\n", b"spike_w: -8\n", b"1" * 400, b"[[0, 8]]", b"!!int x"]), _camera),
    **{
        f"events{ending}": Door(mutated(contents), from_file(f"recording{ending}", lambda path: read_events(path, SENSOR)))
        for ending, contents in samples.recordings().items()
    },
}

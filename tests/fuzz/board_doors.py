"""Doors for the files of leaderboards, and for what is sent to them."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from hypothesis import strategies as st

from bench.boards.card import read_cards
from bench.boards.challenge import read_images
from bench.boards.challenge_record import read_challenges
from bench.boards.checksums import refuse_lost_words, sums_problems
from bench.boards.gallery import read_galleries
from bench.boards.gallery_record import GALLERY, LIST_FILE
from bench.boards.protocol import read_draft, read_protocol
from bench.boards.store import Board
from bench.boards.strip import decoded
from bench.boards.submission.builders import check_arguments
from bench.boards.submission.schema import parse
from bench.data.base import Samples
from bench.studies.claims.claim import read_claims
from fuzz import samples
from fuzz.door import Door, from_file
from fuzz.grammar import changed, mutated, texts

FOUR = Samples.of(torch.zeros(4, 3, 4, 4), torch.zeros(4, dtype=torch.int64))


def _text(name: str) -> str:
    return (samples.BOARD.folder / name).read_text(encoding="utf-8")


def _changed(text: str) -> st.SearchStrategy[bytes]:
    return changed(yaml.safe_load(text), "yaml")


def _submission(content: bytes, folder: Path) -> None:
    submission = parse(content)
    if submission.builder is not None:
        check_arguments(submission.builder.name, submission.builder.arguments)


def _sums(path: Path) -> None:
    board = Board("x", 1, path.parent)
    list(sums_problems(board))
    refuse_lost_words(board)


DOORS: dict[str, Door] = {
    "draft": Door(
        texts(samples.DRAFT.read_text()) | _changed(samples.DRAFT.read_text()), from_file("draft.yaml", read_draft)
    ),
    "protocol": Door(_changed(_text("protocol.yaml")), from_file("protocol.yaml", read_protocol)),
    "cards": Door(
        texts(samples.first_lines(samples.BOARD.folder / "cards.yaml", 40)) | _changed(_text("cards.yaml")),
        from_file("cards.yaml", read_cards),
    ),
    "submission": Door(
        changed(samples.manifest(own_code=False), "yaml") | changed(samples.manifest(own_code=True), "yaml"), _submission
    ),
    "claims": Door(
        texts(samples.first_lines(samples.LEADERBOARDS / "claims.yaml", 30)),
        from_file("claims.yaml", lambda path: read_claims(path.parent)),
    ),
    "challenge": Door(mutated(samples.images()), from_file("adversarial.safetensors", lambda path: read_images(path, FOUR))),
    "challenge record": Door(
        changed(samples.challenge(), "json"), from_file("0001.json", lambda path: read_challenges(path.parent))
    ),
    "gallery": Door(
        texts(samples.gallery()) | changed(samples.gallery_fields(), "json"),
        from_file(f"{GALLERY}/{LIST_FILE}", lambda path: read_galleries(Board("x", 1, path.parents[1]))),
    ),
    "strip": Door(mutated([samples.strip()]), lambda content, folder: decoded(content, 2, 60)),
    "hashes": Door(
        mutated(
            [_text("SHA256SUMS").encode()], [b"  ../../x\n", b"  challenges/a@1/0001.json\n", b"0" * 64, b"\n", b"\xff"]
        ),
        from_file("SHA256SUMS", _sums),
    ),
}

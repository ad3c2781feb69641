"""Measuring a model under a frozen protocol."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.card import zoo_card
from bench.boards.entering import enter
from bench.boards.protocol import check_program
from bench.evaluation.evaluate import evaluate_settings
from bench.evaluation.request.identity import folder_name
from bench.evaluation.request.settings import IN_THIS_PROCESS, Running, Ticked, Watcher
from bench.foundation.errors import BoardError
from bench.foundation.model_refs import ZooRef, parse_model_ref
from bench.tasks.record import ProtocolInfo

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.models.subject import Subject
    from bench.tasks.record import Record


def under(record: Record, board: Board) -> Record:
    """The record, marked as measured under a board's protocol."""
    mark = ProtocolInfo(board=board.name, version=board.version, sha256=board.protocol_sha256)
    return record.model_copy(update={"protocol": mark}).with_rows(record.rows)


def measure(
    board: Board,
    model: str | Subject,
    *,
    out: Path | None,
    device: str = "cpu",
    running: Running = IN_THIS_PROCESS,
    on_tick: Ticked = lambda tick: None,
) -> Record:
    """Evaluate a model under the protocol, resuming in ``out`` what was begun there; adversarial images are kept there.

    Raises a ``BenchError`` if the program is not that of the protocol, or as ``evaluate`` does.
    """
    protocol = board.protocol()
    check_program(protocol)
    running = replace(running, out=out, save_adv=out is not None)
    settings = protocol.settings(model, device=device)
    return under(evaluate_settings(settings, running, Watcher(ticked=on_tick)), board)


def folder_of(record: Record, out: Path) -> Path:
    """Where :func:`measure` left a record, its journal and its adversarial images."""
    return out / folder_name(record.model.ref, record.identity)


def run_zoo(
    board: Board,
    model: str,
    *,
    out: Path | None,
    device: str = "cpu",
    running: Running = IN_THIS_PROCESS,
    on_tick: Ticked = lambda tick: None,
) -> Entry:
    """Evaluate ``zoo:NAME`` under the protocol and enter it; other models enter as submissions."""
    ref = parse_model_ref(model)
    if not isinstance(ref, ZooRef):
        raise BoardError(f"{model} is not a model of the zoo.", "Others enter by: bench submit run DIR --board BOARD.")
    if ref.steps is not None:
        raise BoardError("A model of the zoo enters with the steps of its card.", f"Leave :steps={ref.steps} out.")
    record = measure(board, model, out=out, device=device, running=running, on_tick=on_tick)
    return enter(board, record, zoo_card(ref.spec.name, datetime.datetime.now(datetime.UTC).date()))

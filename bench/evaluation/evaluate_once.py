"""Evaluations whose records lie in one archive: a record that is there is read, another one is evaluated and added."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.evaluation.baselines import FOLDER as BASELINES
from bench.evaluation.evaluate import evaluate_settings
from bench.evaluation.records.archive import Archive
from bench.evaluation.request.identity import folder_for, folder_name
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import IN_THIS_PROCESS, Running, Settings, Watcher
from bench.foundation.files import locked
from bench.models.borrowing import borrowed
from bench.tasks.record import Record

UNFINISHED = "unfinished"
"""Folder beside the records, where an interrupted evaluation is resumed; git ignores it."""


UNWATCHED = Watcher()


def name_of(record: Record) -> str:
    """What a record is called in an archive: its model, and the beginning of its identity."""
    return folder_name(record.model.ref, record.identity)


def evaluate_once(
    settings: Settings, folder: Path, running: Running = IN_THIS_PROCESS, watcher: Watcher = UNWATCHED
) -> Record:
    """The record of this request in the archive ``folder``; evaluated, and put there, if there is none.

    Raises a ``BenchError`` as :func:`bench.evaluate` does, or if the archive is damaged.
    """
    archive, work = Archive(folder), folder / UNFINISHED
    with borrowed(settings.model):
        name = folder_for(resolve(settings))
        if archive.holds(name):
            record = archive.read(name)
        else:
            record = evaluate_settings(settings, replace(running, out=work), watcher)
            with locked(folder):
                if not archive.holds(name):
                    archive.add({name: record})
    for finished in (name, BASELINES):
        shutil.rmtree(work / finished, ignore_errors=True)
    with contextlib.suppress(OSError):  # others may be at work in it
        work.rmdir()
    return record


def keep_only(folder: Path, used: Callable[[str], bool]) -> None:
    """Drop the records of the archive ``folder`` that nothing rests on any more, by their names."""
    archive = Archive(folder)
    with locked(folder):
        archive.keep_only(filter(used, archive.lines()))

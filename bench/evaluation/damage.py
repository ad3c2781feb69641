"""What is damaged among the records that ``bench evaluate`` left in a folder: texts, rows, and the images beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.evaluation.evaluate import JOURNAL_FILE
from bench.evaluation.records.archive import Archive
from bench.evaluation.records.rows_file import ROWS_FILE
from bench.evaluation.records.storage import RECORD_FILE, read_record
from bench.evaluation.saved_images import damaged_images
from bench.foundation.errors import RecordError


def damage(folder: Path) -> dict[str, list[str]]:
    """What is wrong with each record in ``folder``, in sentences, by the place of the record; none where it is whole.

    Records lie in folders of their own, or in ``records.jsonl`` with all their rows beside it.

    An evaluation that was stopped has no record yet, and is left out. Images that were removed are not missed, as nothing
    says that they were saved. Raises ``RecordError`` if the folder cannot be listed.
    """
    try:
        places = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    except OSError as error:
        raise RecordError(f"{folder} cannot be listed ({error.strerror}).", "Name a folder of records.") from error
    return _in_archive(Archive(folder)) | {str(place): _damage(place) for place in places if _is_finished(place)}


def _in_archive(archive: Archive) -> dict[str, list[str]]:
    if not archive.path.exists():
        return {}
    if not archive.path.is_file():
        return {str(archive.path): [f"{archive.path} is not a plain file."]}
    try:
        lines, strays = archive.lines(), archive.strays()
    except RecordError as error:
        return {str(archive.path): [str(error)]}
    findings = {str(archive.folder / name): _raised(partial(archive.record_of, line)) for name, line in lines.items()}
    return findings | {str(archive.folder / name): [f"{name} has rows and no record."] for name in strays}


def _raised(read: Callable[[], object]) -> list[str]:
    """What reading a record ends in, if it is an error."""
    try:
        read()
    except RecordError as error:
        return [str(error)]
    return []


def _is_finished(place: Path) -> bool:
    if (place / RECORD_FILE).exists() or (place / RECORD_FILE).is_symlink():
        return True
    return (place / ROWS_FILE).exists() and not (place / JOURNAL_FILE).exists()


def _damage(place: Path) -> list[str]:
    return [f"{path} is damaged." for path in damaged_images(place)] + _raised(partial(read_record, place))

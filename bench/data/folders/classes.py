"""One folder per class: which folders are classes, in which order, and which images or recordings belong to them.

A folder is never taken for a class, nor a class for an empty folder, without a word: labels are places in a list, and one
name too many moves all behind it. What lies in a class folder's own folders is refused, because either of the two may be
meant to be the class; only the layout ``CLASS/images/*`` (Tiny ImageNet) is read. Files of another kind are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.data.folders.listing import IMAGES, Kind, Listing, holds_files, list_folder
from bench.data.paths import composed, is_folder, shown
from bench.foundation.errors import DataError

CLASS_FILE = "classes.txt"

_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "eval"))


@dataclass(frozen=True)
class ClassFolders:
    """The files of all classes."""

    names: tuple[str, ...]
    """In label order."""
    files: tuple[tuple[Path, int], ...]
    """(file, label); classes take turns, so that the first N are balanced."""
    remarks: tuple[str, ...]


def find_classes(top: Path, kind: Kind = IMAGES) -> ClassFolders:
    """The classes of a folder. Raises ``DataError`` for what is not sure to be meant so."""
    if not is_folder(top):
        raise DataError(f"{shown(top)} is not a folder.", f"Name a folder that holds one folder of {kind.name} per class.")
    here = list_folder(top, kind)
    if not here.folders:
        where = f"{kind.name}, but no class folders" if here.files else "no class folders"
        raise DataError(f"{shown(top)} holds {where}.", kind.unsorted)
    _check_no_splits(top, here.folders, kind)
    listed = _listed_names(top)
    contents = {composed(folder.name): _content(folder, kind) for folder in here.folders}
    if len(contents) < len(here.folders):
        raise DataError(f"{shown(top)} holds a folder twice, in two Unicode forms.", "Rename one of them.")
    if not any(content.files for content in contents.values()):
        formats = ", ".join(sorted(kind.endings))
        raise DataError(f"{shown(top)} holds no {kind.name}.", f"Use one of these formats: {formats}.")
    names = _names(top, contents, listed, kind)
    per_class = [contents[name].files if name in contents else () for name in names]
    turns = zip_longest(*([(path, label) for path in paths] for label, paths in enumerate(per_class)))
    files = tuple(pair for turn in turns for pair in turn if pair is not None)
    return ClassFolders(names, files, tuple(_remarks(top, here, contents, names, kind, numbered=listed is None)))


def _listed_names(top: Path) -> tuple[str, ...] | None:
    """Class names in the order of ``classes.txt``; None where there is no such file."""
    listing = top / CLASS_FILE
    if not listing.is_file():
        return None
    try:
        lines = listing.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{shown(listing)} cannot be read.", "Make it a UTF-8 text with one class folder per line."
        ) from error
    names = tuple(composed(line.strip().rstrip("/")) for line in lines if line.strip())
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise DataError(
            f"{shown(listing)} names a class twice: {shown(twice)!r}.", "Name each class folder once, in label order."
        )
    return names


def _names(top: Path, contents: dict[str, Listing], listed: tuple[str, ...] | None, kind: Kind) -> tuple[str, ...]:
    """Class names in label order."""
    if listed is None:
        if empty := [name for name, content in contents.items() if not content.files]:
            raise DataError(
                f"{shown(top / empty[0])} holds no {kind.name}.",
                f"Put {kind.name} into it, remove it, or list the folders that are classes in {CLASS_FILE}, in label order.",
            )
        return tuple(contents)
    if left := [name for name, content in contents.items() if content.files and name not in listed]:
        raise DataError(
            f"{shown(top / CLASS_FILE)} does not name the folder {shown(left[0])!r}.",
            f"Name every folder of {kind.name}, in label order.",
        )
    return listed


def _content(folder: Path, kind: Kind) -> Listing:
    """What lies in a class folder. Raises ``DataError`` for files that are not read or lie too deep."""
    here = list_folder(folder, kind)
    nested = [inner for inner in here.folders if holds_files(inner, kind)]
    if nested and not here.files and len(nested) == 1 and nested[0].name.casefold() == kind.name:
        return _content(nested[0], kind)
    if nested:
        raise DataError(
            f"{shown(nested[0])} holds {kind.name}, two folders below {shown(folder.parent)}.",
            f"If {shown(folder.name)!r} is the class, move them up into it; if {shown(nested[0].name)!r} is, "
            f"use {kind.spec}:{shown(folder)}.",
        )
    if here.unread:
        raise DataError(
            f"{shown(here.unread[0])} is of a kind that is not read.", f"{kind.save_as}, or move it out of the folder."
        )
    return here


def _check_no_splits(top: Path, folders: Sequence[Path], kind: Kind) -> None:
    names = [folder.name for folder in folders]
    if {name.casefold() for name in names} <= _SPLITS and not any(list_folder(folder, kind).files for folder in folders):
        holding = [folder for folder in folders if holds_files(folder, kind)]
        if holding:
            raise DataError(
                f"{shown(top)} holds splits ({', '.join(names)}), not classes.",
                f"Name one: {kind.spec}:{shown(holding[0])}.",
            )


def _remarks(
    top: Path, here: Listing, contents: dict[str, Listing], names: Sequence[str], kind: Kind, *, numbered: bool
) -> list[str]:
    remarks = []
    left = [folder.name for folder in here.system] + [name for name in contents if name not in names]
    if left:
        remarks.append(f"Left out of {shown(top)}, because it holds no class: {', '.join(map(shown, left))}.")
    if here.files or here.unread:
        stray = (here.files + here.unread)[0]
        count = len(here.files + here.unread)
        remarks.append(f"Left out: {count:,} {kind.name} that lie in no class folder, {shown(stray)} first.")
    others = [path for content in contents.values() for path in content.others]
    if others:
        endings = sorted({path.suffix.lower() or "without ending" for path in others})
        remarks.append(
            f"Left out: {len(others):,} files in class folders that are no {kind.name} ({', '.join(endings[:5])}), "
            f"{shown(others[0])} first."
        )
    if numbered and all(name.isascii() and name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        label, name = next((label, name) for label, name in enumerate(names) if int(name) != label)
        remarks.append(
            f"The class folders of {shown(top)} are numbers, and label {label} is folder {name!r}: text order, "
            f"as in torchvision. For the order of numbers list them in {CLASS_FILE}."
        )
    return remarks

"""Tries routes in turn until one brings files whose checksums are right.

Everything is written to a hidden folder beside the final one first; a file gets its final name only when
the whole set was verified. All routes failing is one error that lists each with its reason.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from bench.data.info import StoredFile
from bench.data.layouts import MALFORMED, Layout, find_layouts
from bench.data.routes import Progress, Route, RouteError
from bench.data.verified import md5_bytes, md5_file, remember
from bench.foundation.errors import DataError, translate_os_error
from bench.foundation.escaping import one_line
from bench.foundation.files import atomic_write_bytes, make_folder
from bench.foundation.scratch import scratch_folder


def fetch_set(
    name: str,
    files: Sequence[StoredFile],
    folder: Path,
    *,
    routes: Sequence[Route],
    layouts: Sequence[Layout],
    archives: Collection[str],
    progress: Progress,
    fix: str,
) -> Route:
    """Fill ``folder`` with ``files``. Returns the route that succeeded. fix: what to do when all fail.

    Raises ``DataError`` if every route fails, ``StorageError`` if the disk does.
    """
    make_folder(folder)
    downloads = folder / ".downloads"
    failed = []
    for route in routes:
        try:
            # On the data root's disk, not in /tmp, so that the final rename is atomic and room is needed in one place only.
            with scratch_folder(folder, ".fetch-") as scratch:
                bring, unpack, staging = scratch / "bring", scratch / "unpack", scratch / "staging"
                for each in (bring, unpack, staging):
                    each.mkdir()
                brought = route.fetch(bring, downloads, progress)
                progress(f"unpacking {name}", 0, None)
                md5s = _stage(brought, files, layouts, archives, unpack, staging)
                for file in files:
                    (staging / file.name).replace(folder / file.name)
        except RouteError as error:
            failed.append(f"{route}: {error}")
        except OSError as error:
            raise translate_os_error(error, folder) from error
        else:
            remember(folder, md5s)
            shutil.rmtree(downloads, ignore_errors=True)
            return route
    for made in (downloads, folder):
        with contextlib.suppress(OSError):  # not empty: something to resume, or files of an earlier time
            made.rmdir()
    raise DataError(f"{name} could not be fetched ({'; '.join(failed)}).", fix)


def _stage(
    brought: Path,
    files: Sequence[StoredFile],
    layouts: Sequence[Layout],
    archives: Collection[str],
    scratch: Path,
    staging: Path,
) -> dict[str, str]:
    """Write the verified files into ``staging``. Returns name to md5. Raises :class:`RouteError` with the last reason."""
    reason = f"it holds no layout that is known ({', '.join(dict.fromkeys(layout.title for layout in layouts))})"
    matches = find_layouts(brought, layouts, archives, scratch)
    while True:
        try:
            match = next(matches, None)
        except MALFORMED as error:
            raise RouteError(f"{brought.name} is no readable archive ({one_line(error)})") from error
        if match is None:
            raise RouteError(reason)
        try:
            return _convert(*match, files, staging)
        except RouteError as error:
            reason = str(error)


def _convert(layout: Layout, paths: dict[str, Path], files: Sequence[StoredFile], staging: Path) -> dict[str, str]:
    expected = {file.name: file for file in files}
    md5s: dict[str, str] = {}
    for name, md5 in layout.md5.items():
        try:
            actual = md5_file(paths[name])
        except OSError as error:
            raise RouteError(f"{paths[name]} cannot be read ({error.strerror})") from error
        if actual != md5:
            raise RouteError(f"{name} has md5 {actual} instead of {md5}")
    contents = layout.convert(paths)
    while True:
        try:
            name, content = next(contents, ("", b""))
        except MALFORMED as error:
            raise RouteError(f"its {layout.title} cannot be read ({one_line(error) or type(error).__name__})") from error
        if not name:
            break
        md5s[name] = md5_bytes(content)
        if len(content) != expected[name].size:
            raise RouteError(f"{name} has {len(content):,} bytes instead of {expected[name].size:,}")
        if expected[name].md5 not in (None, md5s[name]):
            raise RouteError(f"{name} has md5 {md5s[name]} instead of {expected[name].md5}")
        atomic_write_bytes(staging / name, content)
    return md5s

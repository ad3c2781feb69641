"""Downloads from official hosts: resumed after a cut, and named only when their checksum is right.

What has arrived lies in ``NAME.part``; the next attempt, in this run or a later one, asks for the rest.
The final name is given after the checksum was verified, so a file that bears it is whole. Connecting may
take 5 seconds; a host that sends nothing at all is not tried again, so that the next route gets its turn.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.routes import Progress, RouteError
from bench.data.verified import md5_file
from bench.foundation.files import sync_handle

TIMEOUT = 5.0
"""Seconds without a byte before a connection counts as cut."""
ATTEMPTS = 20
"""Connections per file, as long as each brings something."""
CHUNK = 2**18


@dataclass(frozen=True)
class RemoteFile:
    """A file at a known address with a known md5."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class HttpRoute:
    """Official files, by http or https."""

    files: tuple[RemoteFile, ...]

    def __str__(self) -> str:
        return self.files[0].url if len(self.files) == 1 else f"{self.files[0].url.rpartition('/')[0]}/"

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        downloads.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            download(file, downloads / file.name, progress)
        return downloads / self.files[0].name if len(self.files) == 1 else downloads


def download(file: RemoteFile, target: Path, progress: Progress) -> None:
    """Bring ``file`` to ``target``. Raises :class:`~bench.data.routes.RouteError`; a ``.part`` may stay for next time."""
    if target.exists() and md5_file(target) == file.md5:
        return
    part = target.with_name(f"{target.name}.part")
    resumed = _size(part) > 0
    _complete(file, part, progress)
    if resumed and md5_file(part) != file.md5:
        # The piece of an earlier run may belong to another file; a fresh start costs less than a dead end.
        part.unlink()
        _complete(file, part, progress)
    md5 = md5_file(part)
    if md5 != file.md5:
        part.unlink()
        raise RouteError(f"{file.name} has md5 {md5} instead of {file.md5}")
    part.replace(target)


def _complete(file: RemoteFile, part: Path, progress: Progress) -> None:
    """Connect until ``part`` has all bytes that the host announces."""
    for _ in range(ATTEMPTS):
        before = _size(part)
        try:
            total = _continue(file, part, progress)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if _size(part) <= before:
                raise RouteError(_sentence(error)) from error
            continue
        if total is None or _size(part) >= total:
            return
        if _size(part) <= before:
            raise RouteError(f"the connection ended after {_size(part):,} of {total:,} bytes")
    raise RouteError(f"the connection was cut {ATTEMPTS} times")


def _continue(file: RemoteFile, part: Path, progress: Progress) -> int | None:
    """One connection; the number of bytes that the whole file has, if the host says so."""
    if not file.url.startswith(("https://", "http://")):
        raise RouteError("its address is neither http nor https")
    start = _size(part)
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - the scheme was checked above
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return start  # nothing is left to send; the checksum decides
        raise
    with response, part.open("ab") as out:
        resumes = _resumes(response, start)
        if not resumes:
            start = 0
            out.truncate(0)
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        done = start
        while block := response.read(CHUNK):
            out.write(block)
            done += len(block)
            progress(file.name, done, total)
        out.flush()
        sync_handle(out.fileno())
    return total


def _resumes(response: Any, start: int) -> bool:
    """Whether the host sends the rest, and not the whole file again."""
    sent = str(response.headers.get("Content-Range", ""))
    return start > 0 and response.status == http.client.PARTIAL_CONTENT and sent.startswith(f"bytes {start}-")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the host answered {error.code} {error.reason}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return f"no connection ({reason or type(reason).__name__})"

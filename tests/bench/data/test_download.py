"""Against a server on this machine that can cut connections, ignore ranges and send the wrong thing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.data.download import HttpRoute, RemoteFile, download
from bench.data.routes import RouteError

CONTENT = bytes(i * 7 % 251 for i in range(300_000))
MD5 = hashlib.md5(CONTENT).hexdigest()


class Host(ThreadingHTTPServer):
    cut_after: int | None = None
    ranges = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    def file(self, md5: str = MD5, name: str = "archive.tar.gz") -> RemoteFile:
        return RemoteFile(f"http://127.0.0.1:{self.server_port}/{name}", md5)


class Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = len(CONTENT) if self.server.cut_after is None else start + self.server.cut_after
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def quiet(what: str, done: int, total: int | None) -> None:
    pass


def test_a_file_arrives_with_progress(host: Host, tmp_path: Path) -> None:
    seen = []
    download(host.file(), tmp_path / "a", lambda what, done, total: seen.append((what, done, total)))
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert seen[-1] == ("archive.tar.gz", len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_cut_connections_are_resumed_where_they_were_cut(host: Host, tmp_path: Path) -> None:
    host.cut_after = 100_000
    download(host.file(), tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert host.asked == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_run_resumes(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT[:250_000])
    download(host.file(), tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert host.asked == ["bytes=250000-"]


def test_a_host_without_ranges_starts_again(host: Host, tmp_path: Path) -> None:
    host.ranges = False
    (tmp_path / "a.part").write_bytes(b"x" * 1000)
    download(host.file(), tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert host.asked == ["bytes=1000-"]


@pytest.mark.parametrize("size", [1000, len(CONTENT), len(CONTENT) + 5])
def test_a_foreign_part_is_thrown_away(host: Host, tmp_path: Path, size: int) -> None:
    (tmp_path / "a.part").write_bytes(b"x" * size)
    download(host.file(), tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_complete_part_needs_only_its_name(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT)
    download(host.file(), tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(host: Host, tmp_path: Path) -> None:
    with pytest.raises(RouteError, match=f"has md5 {MD5} instead of 0000"):
        download(host.file("0000"), tmp_path / "a", quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_fetched(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    download(host.file(), tmp_path / "a", quiet)
    assert host.asked == []


def test_a_host_that_sends_nothing_gives_up(host: Host, tmp_path: Path) -> None:
    host.cut_after = 0
    with pytest.raises(RouteError, match="ended after 0 of 300,000 bytes"):
        download(host.file(), tmp_path / "a", quiet)
    assert len(host.asked) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_refusals_carry_their_status(host: Host, tmp_path: Path, status: int) -> None:
    host.status = status
    with pytest.raises(RouteError, match=str(status)):
        download(host.file(), tmp_path / "a", quiet)


def test_no_host_and_no_scheme(tmp_path: Path) -> None:
    with pytest.raises(RouteError, match="no connection"):
        download(RemoteFile("http://127.0.0.1:9/x", MD5), tmp_path / "a", quiet)
    with pytest.raises(RouteError, match="neither http nor https"):
        download(RemoteFile("file:///etc/hostname", MD5), tmp_path / "a", quiet)


def test_a_route_brings_one_file_or_a_folder_of_several(host: Host, tmp_path: Path) -> None:
    one = HttpRoute((host.file(),))
    assert one.fetch(tmp_path, tmp_path / "one", quiet) == tmp_path / "one" / "archive.tar.gz"
    several = HttpRoute((host.file(name="a"), host.file(name="b")))
    assert several.fetch(tmp_path, tmp_path / "several", quiet) == tmp_path / "several"
    assert sorted(path.name for path in (tmp_path / "several").iterdir()) == ["a", "b"]
    assert str(one).endswith("/archive.tar.gz")
    assert str(several).endswith("/")

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench.data.cifar import CIFAR10
from bench.data.routes import DebianRoute, LocalRoute, NpmRoute, RouteError, run_client
from bench.foundation.errors import DataError

Progress = Callable[[str, int, int | None], None]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script in the place of a client; no other client is found."""
    folder = tmp_path / "clients"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\nPATH={os.defpath}\n{script}\n")
        (folder / name).chmod(0o755)

    return make


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_missing_clients_are_a_reason(client: object, scratch: Path, silent: Progress) -> None:
    for route, name in ((NpmRoute("a", "1"), "npm"), (DebianRoute("a"), "apt-get")):
        with pytest.raises(RouteError, match=f"^{name} is not installed$"):
            route.fetch(scratch, scratch, silent)


def test_npm_brings_the_archive(client: Callable[[str, str], None], scratch: Path, silent: Progress) -> None:
    client("npm", 'echo "$@" > arguments; echo x > a-1.tgz')
    assert NpmRoute("a", "1").fetch(scratch, scratch, silent) == scratch / "a-1.tgz"
    arguments = (scratch / "arguments").read_text().split()
    assert arguments[:2] == ["pack", "a@1"]
    assert "--ignore-scripts" in arguments


def test_a_failing_client_gives_its_reason(client: Callable[[str, str], None], scratch: Path, silent: Progress) -> None:
    client("npm", 'echo "npm error code E404" >&2; echo "npm error 404 Not Found" >&2; exit 1')
    with pytest.raises(RouteError, match=r"^npm failed: 404 Not Found$"):
        NpmRoute("a", "1").fetch(scratch, scratch, silent)
    client("apt-get", 'echo "E: Unable to locate package a" >&2; exit 100')
    with pytest.raises(RouteError, match="Unable to locate package a; `apt-get update` may help"):
        DebianRoute("a").fetch(scratch, scratch, silent)
    client("apt-get", "exit 3")
    with pytest.raises(RouteError, match="exit status 3"):
        run_client(["apt-get"], scratch)


def test_debian_unpacks_the_package(client: Callable[[str, str], None], scratch: Path, silent: Progress) -> None:
    client("apt-get", "echo x > a_1_all.deb")
    client("dpkg-deb", 'mkdir -p "$3/usr/share" && echo y > "$3/usr/share/file"')
    assert (DebianRoute("a").fetch(scratch, scratch, silent) / "usr/share/file").read_text() == "y\n"


def test_a_client_that_brings_nothing(client: Callable[[str, str], None], scratch: Path, silent: Progress) -> None:
    client("npm", "exit 0")
    with pytest.raises(RouteError, match="brought 0 files"):
        NpmRoute("a", "1").fetch(scratch, scratch, silent)


@dataclass(frozen=True)
class Brings:
    """A route that brings what it is given, or fails."""

    what: Path | None

    def __str__(self) -> str:
        return f"route {self.what.name if self.what else 'nowhere'}"

    def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
        if self.what is None:
            raise RouteError("the weather")
        return self.what


def test_routes_are_tried_in_turn(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Callable[..., Path], silent: Progress
) -> None:
    bad = write_all(tmp_path / "bad", batches | {"test_batch.bin": bytes(len(batches["test_batch.bin"]))})
    good = write_all(tmp_path / "good", batches)
    chosen = replace(tiny, routes=(Brings(None), Brings(bad), Brings(good), Brings(None)))
    root = tmp_path / "root"
    route = chosen.get(root, source=None, progress=silent)
    assert str(route) == "route good"
    assert len(chosen.load("test", root)) == 40
    assert chosen.get(root, source=None, progress=silent) is None
    left = {path.name for path in chosen.where(root).iterdir()}
    assert left == {*batches, ".verified"}


def test_when_all_fail_each_reason_is_named(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Callable[..., Path], silent: Progress
) -> None:
    bad = write_all(tmp_path / "bad", batches | {"test_batch.bin": bytes(len(batches["test_batch.bin"]))})
    empty = write_all(tmp_path / "empty", {})
    chosen = replace(tiny, routes=(Brings(None), Brings(bad), Brings(empty), LocalRoute(tmp_path / "gone")))
    with pytest.raises(DataError) as caught:
        chosen.get(tmp_path / "root", source=None, progress=silent)
    message = str(caught.value)
    for part in (
        "route nowhere: the weather",
        "route bad: test_batch.bin has md5",
        "route empty: it holds no layout that is known (binary version, python version, batches as PNG)",
        "gone: it does not exist",
        "bench data get cifar10 --from PATH",
    ):
        assert part in message
    assert list((tmp_path / "root").iterdir()) == []


def test_an_interrupt_leaves_only_whole_files(tiny: CIFAR10, tmp_path: Path, silent: Progress) -> None:
    class Interrupted(Brings):
        def fetch(self, scratch: Path, downloads: Path, progress: Progress) -> Path:
            (scratch / "half").write_bytes(b"x")
            raise KeyboardInterrupt

    chosen = replace(tiny, routes=(Interrupted(None),))
    with pytest.raises(KeyboardInterrupt):
        chosen.get(tmp_path, source=None, progress=silent)
    assert list(chosen.where(tmp_path).iterdir()) == []

"""The files that the make targets install from: every package with its version and its hashes, but for the machine's own."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
TARGETS = ("runtime", "dev", "docs")
ENTRY = re.compile(r"([a-z0-9-]+)==([^ ]+)(?: ; [^\\]+?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")
EXTRAS = {"dev": ("dev", "quality", "cluster", "nir", "onnx", "torchattacks"), "docs": ("docs",)}


OF_THE_MACHINE = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
UNRESOLVED = {"torchattacks", "spikingjelly", "snntorch", "norse", "sinabs", "nir", "nirtorch", "pbr"}
"""Libraries that are installed without what they ask for, which excludes each other."""


def needed_by(package: str) -> list[str]:
    try:
        return requires(package) or []
    except PackageNotFoundError:
        return []


def normal(requirement: str) -> str:
    """The name of a package, however it is spelt."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def entries(target: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{target}.txt").read_text()
    assert ENTRY.sub("", text).strip() == "# Written by requirements/generate.py."
    return {entry[1]: entry[2] for entry in ENTRY.finditer(text)}


@pytest.mark.parametrize("target", TARGETS)
def test_every_package_has_hashes_and_the_version_that_was_tested(target: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tested = {normal(line): line.partition("==")[2] for line in lines if "==" in line}
    pinned = entries(target)
    assert len(pinned) > 10
    assert {name: version for name, version in pinned.items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("target", TARGETS)
def test_what_pyproject_asks_for_is_there(target: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in EXTRAS.get(target, ()):
        wanted += project["optional-dependencies"][extra]
    installed = entries("runtime").keys() | entries(target).keys()
    assert {normal(requirement) for requirement in wanted} - installed <= {"torch"}


HOLES = {"jinja2": "3.1.5", "pillow": "11.2.1", "pyarrow": "14.0.0", "pyyaml": "5.3.1", "torch": "2.5.1"}
"""The last versions with CVE-2025-27516, CVE-2025-48379, CVE-2023-47248, CVE-2020-14343 and CVE-2025-32434."""


@pytest.mark.parametrize("name", HOLES)
def test_versions_with_published_holes_are_not_taken(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (asked,) = (Requirement(text) for text in project["dependencies"] if normal(text) == name)
    assert HOLES[name] not in asked.specifier


def test_the_tests_can_build_a_wheel_without_a_download() -> None:
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(text["build-system"]["requires"]) <= set(text["project"]["optional-dependencies"]["dev"])


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_package_asks_for_is_there_in_a_version_that_it_takes(target: str) -> None:
    """The files are installed without looking for dependencies. Packages that are not installed here are passed over."""
    pinned = entries("runtime") | entries(target)
    asked = [(name, Requirement(text)) for name in pinned.keys() - UNRESOLVED for text in needed_by(name)]
    wanted = [(name, ask) for name, ask in asked if ask.marker is None or ask.marker.evaluate({"extra": ""})]
    wanted = [(name, ask) for name, ask in wanted if not OF_THE_MACHINE.fullmatch(normal(ask.name))]
    assert target == "docs" or len(wanted) > 30
    assert [
        f"{name}: {ask}" for name, ask in wanted if pinned.get(normal(ask.name), "no version") not in ask.specifier
    ] == []


def test_builds_of_the_machine_are_left_to_it() -> None:
    names = {name for target in TARGETS for name in entries(target)}
    assert not [name for name in names if OF_THE_MACHINE.fullmatch(name)]


def test_nothing_is_listed_twice() -> None:
    runtime, dev, docs = (entries(target).keys() for target in TARGETS)
    assert not runtime & dev and not runtime & docs

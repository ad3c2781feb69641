"""The files that the make targets install from: every package with its version and its hashes, but for the machine's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGETS = ("runtime", "dev", "docs")
ENTRY = re.compile(r"([a-z0-9-]+)==([^ ]+)(?: ; [^\\]+?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")
EXTRAS = {"dev": ("dev", "quality", "cluster", "nir", "onnx", "torchattacks"), "docs": ("docs",)}


def normal(requirement: str) -> str:
    """The name of a package, however it is spelt."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def entries(target: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{target}.txt").read_text()
    assert ENTRY.sub("", text).strip() == "# Written by requirements/generate.py."
    return {found[1]: found[2] for found in ENTRY.finditer(text)}


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


def test_the_tests_can_build_a_wheel_without_a_download() -> None:
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(text["build-system"]["requires"]) <= set(text["project"]["optional-dependencies"]["dev"])


def test_builds_of_the_machine_are_left_to_it() -> None:
    names = {name for target in TARGETS for name in entries(target)}
    assert not [name for name in names if re.match(r"(torch|torchvision|triton|nvidia-.*|cuda-.*)$", name)]


def test_nothing_is_listed_twice() -> None:
    runtime, dev, docs = (entries(target).keys() for target in TARGETS)
    assert not runtime & dev and not runtime & docs

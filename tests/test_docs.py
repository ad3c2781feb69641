"""The documentation: its examples run, its commands exist, and it names everything that is public.

A block is run if a comment before it says so: ``<!-- runs -->``, or ``<!-- file: NAME -->`` for a file that later blocks
use. The blocks of a page run in their order, in a folder of the page.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import attacks
import bench
import zoo
from bench.cli.main import VERBS, cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
MARKED = re.compile(r"<!-- (?P<mark>runs|file: (?P<name>\S+)) -->\n```(?P<language>\w*)\n(?P<code>.*?)```", re.DOTALL)
FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
NEEDS = {
    "evaluate/nir.md": ("nir", "h5py"),
    "evaluate/norse.md": ("norse.torch",),
    "evaluate/sinabs.md": ("sinabs",),
    "evaluate/snntorch.md": ("snntorch",),
    "evaluate/spikingjelly.md": ("spikingjelly.activation_based",),
}
"""What a page's example imports, beyond what the suite needs."""
STOCHASTIC = "spike-cameras.md"
"""Its network is asked ten times per query."""


@dataclass(frozen=True)
class Block:
    """A block that is run. name: of the file that it is, if it is one for later blocks."""

    language: str
    code: str
    name: str | None


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    return [Block(match["language"], match["code"], match["name"]) for match in MARKED.finditer(text_of(page))]


RUNNABLE = [pytest.param(page, marks=[pytest.mark.slow] if page == STOCHASTIC else []) for page in PAGES if blocks_of(page)]


def run_command(line: str) -> None:
    """Run a line through what the installed command ``bench`` calls. Patterns of file names are expanded, as by a shell."""
    (command,) = entry_points(group="console_scripts", name="bench")
    sys.argv = [word for text in shlex.split(line, comments=True) for word in expanded(text)]
    with pytest.raises(SystemExit) as ended:
        command.load()()
    assert ended.value.code == 0, line


def expanded(text: str) -> list[str]:
    """The files that a pattern stands for, or the word itself."""
    return (sorted(map(str, Path().glob(text))) if "*" in text else []) or [text]


def run_block(block: Block, number: int) -> None:
    """Run a block in the present folder."""
    if block.name is not None:
        Path(block.name).write_text(block.code, encoding="utf-8")
    elif block.language == "python":
        file = Path(f"block_{number}.py")
        file.write_text(block.code, encoding="utf-8")
        runpy.run_path(str(file), run_name="__main__")
    else:
        for line in block.code.splitlines():
            assert line.startswith("bench "), line
            run_command(line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to run a page in, whose modules nobody meets afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for name in [name for name in os.environ if name.startswith("BENCH_") and name != "BENCH_DATA"]:
        monkeypatch.delenv(name)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def spikes_in(folder: Path) -> list[Any]:
    """What the records in ``folder`` say of spike functions."""
    return [bench.read_record(path.parent).model for path in (folder / "records").glob("*/record.json")]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", RUNNABLE)
def test_the_examples_of_a_page_run(page: str, folder: Path) -> None:
    for module in NEEDS.get(page, ()):
        pytest.importorskip(module)
    for number, block in enumerate(blocks_of(page)):
        run_block(block, number)
    if page.startswith("evaluate/") and page != "evaluate/index.md":
        (model,) = spikes_in(folder)
        assert model.spiking and model.spikes is not None
        assert model.spikes.uncontrolled == [] and model.spikes.obstacle is None
        assert model.layers == 2


def test_each_library_has_a_page_whose_example_runs() -> None:
    names = {"spikingjelly", "snntorch", "norse", "sinabs", "by-hand", "nir"}
    assert names <= {Path(page).stem for page in PAGES if page.startswith("evaluate/") and blocks_of(page)}


def test_every_mark_stands_before_a_block() -> None:
    for page in PAGES:
        marks = re.findall(r"<!-- (?:runs|file: .*?) -->", text_of(page))
        assert len(marks) == len(blocks_of(page)), page


def pages_in(entry: Any) -> Iterator[str]:
    """The pages of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from pages_in(part)


def test_the_navigation_names_every_page_once() -> None:
    configured = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(pages_in(configured["nav"])) == PAGES


def test_pages_open_from_the_disk() -> None:
    """``make docs`` says to open a file: there a link must name a file, not the folder of a page."""
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["use_directory_urls"] is False


def documented() -> set[str]:
    """The objects that the API reference shows."""
    pages = [page for page in PAGES if page.startswith("api/")]
    return {name for page in pages for name in re.findall(r"^::: (\S+)$", text_of(page), re.MULTILINE)}


def test_the_reference_shows_every_public_name() -> None:
    shown = documented()
    assert {f"bench.{name}" for name in bench.__all__} - {"bench.errors"} <= shown
    assert "bench.foundation.errors" in shown
    assert {f"zoo.{name}" for name in zoo.__all__} - {"zoo.load"} <= shown


def test_the_reference_shows_every_attack_path_and_threat() -> None:
    catalogues = (attacks.ATTACKS, attacks.PATHS, attacks.THREATS)
    registered = {where.replace(":", ".") for catalogue in catalogues for where in catalogue.values()}
    assert registered <= documented()
    for page, catalogue in zip(("api/attacks.md", "api/paths.md", "api/threats.md"), catalogues, strict=True):
        assert not [name for name in catalogue if f"`{name}`" not in text_of(page)]


@pytest.mark.parametrize("name", sorted(documented()))
def test_what_the_reference_shows_is_there_and_has_a_docstring(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        shown = import_module(name)
    except ModuleNotFoundError:
        shown = getattr(import_module(module), attribute)
    assert shown.__doc__


def commands() -> list[str]:
    """Every ``bench`` command in blocks and in running text."""
    lines: list[str] = []
    for path in [*sorted(DOCS.rglob("*.md")), ROOT / "CONTRIBUTING.md"]:
        text = path.read_text(encoding="utf-8")
        lines += [line.strip() for block in FENCED.findall(text) for line in block.splitlines()]
        lines += re.findall(r"`(bench [^`\n]+)`", FENCED.sub("", text))
    return sorted({line for line in lines if line.startswith("bench ")})


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 40


@pytest.mark.parametrize("line", commands())
def test_commands_and_their_options_exist(line: str) -> None:
    words = [word for word in shlex.split(line, comments=True)[1:] if word != "..."]
    command: click.Command | None = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(context, words.pop(0))
    assert command is not None, line
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= known | {"--help", "--version"}, line


def test_the_page_of_commands_names_every_command_and_only_shared_options() -> None:
    named = FENCED.sub("", text_of("commands.md"))
    assert [verb for verb in VERBS if f"`bench {verb}" not in named] == []
    table = named.partition("## Options that many commands have")[2]
    options = re.findall(r"--[a-z-]+", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `")))
    users = Counter(name for verb in VERBS for name in options_of(cli.get_command(click.Context(cli), verb)))
    assert len(options) > 5 and {option for option in options if users[option] < 2} == set()


def options_of(command: click.Command | None) -> Iterator[str]:
    """The options of a command, or of each command in a group, as often as they occur."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from options_of(inner)
    elif command is not None:
        yield from (name for parameter in command.params for name in parameter.opts)


def test_models_that_are_named_exist() -> None:
    cards = {path.stem for path in (ROOT / "zoo" / "cards").rglob("*.yaml")}
    named = {name for page in PAGES for name in re.findall(r"zoo:([a-z]\w*)", text_of(page))}
    assert named and named <= cards


def test_papers_of_models_and_claims_are_on_the_page_of_papers() -> None:
    sources = [*(ROOT / "zoo" / "cards").glob("*.yaml"), ROOT / "leaderboards" / "claims.yaml"]
    numbers = {number for path in sources for number in re.findall(r"arXiv (\d{4}\.\d{5})", path.read_text("utf-8"))}
    page = text_of("papers.md")
    assert numbers and not [number for number in numbers if f"(https://arxiv.org/abs/{number})" not in page]


def test_docstrings_become_lists_of_parameters() -> None:
    pytest.importorskip("griffe")
    to_markdown = runpy.run_path(str(DOCS / "_extensions" / "docstrings.py"))["to_markdown"]
    text = (
        "What it is.\n\nmodel: a :class:`~bench.models.Subject` or ``zoo:NAME``,\n    or else. eps: a radius. "
        "Raises ``ValueError``."
    )
    assert to_markdown(text, {"model", "eps"}) == (
        "What it is.\n\n- **model**: a `Subject` or `zoo:NAME`, or else.\n\n- **eps**: a radius.\n\nRaises `ValueError`."
    )
    example = "Like this:\n\n    eps: 3"
    assert to_markdown(example, {"eps"}) == example

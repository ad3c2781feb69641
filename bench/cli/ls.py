"""``bench ls``: list models, attacks, gradient paths, data sets and one's own records. This module does not import torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json
from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    from zoo.card import Card

PROXIES = {
    "proxy=relu": "Another network: the same weights as a ReLU network. Use --attack transfer:source=NAME,proxy=relu.",
    "proxy=clip": "Another network: the same weights, clipped and quantised. Use --attack transfer:source=NAME,proxy=clip.",
}
"""Alternatives to gradient paths through the model's own spikes."""

RADII = ("2/255", "8/255")
MEASURED = ("clean", *(f"standard {eps}" for eps in RADII))


@click.command()
@click.argument("kind", type=click.Choice(["models", "attacks", "paths", "datasets", "records"]))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("records"), help="Where records are [default: records]."
)
@JSON
def ls(kind: str, out: Path, as_json: bool) -> None:
    """List models, attacks, gradient paths, data sets, or the records of your evaluations."""
    listers = {"models": _models, "attacks": _attacks, "paths": _paths, "datasets": _datasets}
    rows = _records(out) if kind == "records" else listers[kind]()
    if as_json:
        say_json(json.dumps(rows, indent=1))
    else:
        show_table({"models": _narrow, "records": _worded}.get(kind, list)(rows))
        if kind == "models":
            say("clean, and left by standard at 2/255 and 8/255 on the newest boards: accuracy in %; --json shows more")


def _worded(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Records with their verdicts in words."""
    from bench.tasks.results import in_words

    return [row | {"verdict": in_words(row["verdict"])} for row in rows]


def _narrow(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The columns that fit a terminal."""
    titles = {"model": "model", "weights": "weights", "clean": "clean", "standard 2/255": "2/255", "standard 8/255": "8/255"}
    return [{title: row[key] for key, title in titles.items()} | {"summary": row["summary"]} for row in rows]


def _models() -> list[dict[str, str]]:
    from bench.boards.store import boards_root
    from bench.models.cards import card_of
    from bench.studies.measures.attacked import written_percentages
    from zoo.card import names

    root = boards_root()
    under_attack = {f"standard {eps}": written_percentages(root, eps) for eps in RADII}
    rows = []
    for name in names():
        try:
            described = card_of(name)
        except BenchError as error:  # a broken card does not hide the other models
            unknown = dict.fromkeys(("dataset", "defense", "weights", "size", *MEASURED), "-")
            rows.append({"model": f"zoo:{name}"} | unknown | {"summary": f"(broken: {error.what})"})
            continue
        rows.append(
            {
                "model": f"zoo:{name}",
                "dataset": described.dataset,
                "defense": described.defense.name,
                "weights": _weights(described),
                "size": described.size,
                "clean": _clean(root, name),
                **{title: percentages.get((name, described.version), "-") for title, percentages in under_attack.items()},
                "summary": described.summary,
            }
        )
    return rows


def _weights(described: Card) -> str:
    """Size of the shipped file, or why there is none."""
    if described.weights is not None:
        return f"{described.weights.bytes / 1e6:.1f} MB"
    return "not trained" if described.has_parameters else "none needed"


def _clean(root: Path, name: str) -> str:
    """Clean accuracy in percent; a dash where the present weights were not measured."""
    from bench.studies.measures.sheet import read_sheet

    sheet = read_sheet(root, name)
    return "-" if sheet is None or sheet.clean is None else f"{100 * sheet.clean.value:.1f}"


def _attacks() -> list[dict[str, str]]:
    from attacks import ATTACKS

    return [{"attack": name, "what": line} for name, line in _sentences("attack", ATTACKS, "bench.attacks").items()]


def _paths() -> list[dict[str, str]]:
    from attacks import PATHS

    sentences = _sentences("gradient path", PATHS, "bench.paths") | PROXIES
    return [{"path": name, "what": line} for name, line in sentences.items()]


def _datasets() -> list[dict[str, str]]:
    from bench.data import DATASETS

    return [{"dataset": name, "what": line} for name, line in _sentences("data set", DATASETS, "bench.datasets").items()]


def _records(folder: Path) -> list[dict[str, str]]:
    """The records in a folder. Raises ``RecordError`` if there are none."""
    from bench.evaluation.records.listing import listed
    from bench.foundation.errors import RecordError

    if not (rows := listed(folder)):
        raise RecordError(
            f"There are no records in {folder}.", "Make one with bench evaluate, or name their folder with --out."
        )
    return rows


def _sentences(kind: str, catalogue: dict[str, str], group: str) -> dict[str, str]:
    """Name to the beginning of its docstring, read from the source without importing it; plug-ins come last."""
    from bench.foundation.registry import Registry

    registry: Registry[object] = Registry(kind, catalogue, group)
    return {name: _sentence(registry.where(name)) for name in registry.names()}


def _sentence(where: str) -> str:
    import ast
    from importlib.util import find_spec
    from pathlib import Path

    module, _, attribute = where.partition(":")
    try:
        spec = find_spec(module)
        source = "" if spec is None or spec.origin is None else Path(spec.origin).read_text(encoding="utf-8")
        tree = ast.parse(source)
    except Exception as error:  # looking for a plug-in may run its package, which may raise anything
        return f"(broken: {type(error).__name__}: {error})"
    if not source:
        return "(not importable)"
    node = next((n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == attribute), tree)
    return _beginning(ast.get_docstring(node) or "")


def _beginning(docstring: str) -> str:
    """The first line, and those after it up to the end of a sentence, without the marks of the documentation."""
    lines: list[str] = []
    for line in docstring.partition("\n\n")[0].splitlines():
        lines.append(line.strip())
        if lines[-1].endswith("."):
            break
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", " ".join(lines)).replace("``", "")

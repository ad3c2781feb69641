"""Is ``standard`` at least as strong as what else there is? The table that answers it.

    python -m reports.strength
    python -m reports.strength --model snn_gsr --device cuda

For the spiking models of the zoo, or those that are named, on the same samples at one radius: foolbox's PGD and
torchattacks' AutoAttack through the model's own surrogate, PGD along every single gradient path, and ``standard``. Keeps its
records in ``leaderboards/strength`` and writes ``table.csv`` there, where the rows of other models stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from attacks import PATHS, STANDARD
from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.memory import keep_freed_memory
from bench.tasks.record import Record
from reports.exit_status import end_with
from reports.growing import rows_of_others, write_growing
from zoo.card import card, names

WHERE = Path(__file__).resolve().parents[1] / "leaderboards" / "strength"
RADIUS, SAMPLES = "4/255", 200
DATASET = "cifar10"
LIBRARIES, OTHERS = "libraries", ("foolbox:LinfPGD,steps=40", "torchattacks:AutoAttack")
STRONGEST = "standard"
ALONG = "pgd:steps=20"
SINGLE = tuple(path for path in PATHS if path != "bpda")
"""Paths of the table; no model of the zoo rounds its input."""


def subjects() -> list[str]:
    """Spiking models of :data:`DATASET` on the compact network, with weights; large ones and those that draw at random,
    cameras among them, would take days."""
    cards = (card(name) for name in names())
    compact = (each for each in cards if each.size == "compact" and not each.stochastic)
    return [each.name for each in compact if each.weights is not None and each.spiking and each.dataset == DATASET]


def records(name: str, device: str) -> dict[str, Record]:
    """One record per gradient path, one of ``standard`` and one of the libraries' attacks; kept ones are read back."""

    def run(attack: str | tuple[str, ...], path: str = "training") -> Record:
        settings = Settings(model=f"zoo:{name}", attack=attack, eps=RADIUS, n=SAMPLES, path=path, device=device)
        return evaluate_once(settings, WHERE, running_wanted())

    return {LIBRARIES: run(OTHERS), STRONGEST: run(STRONGEST)} | {path: run(ALONG, path) for path in SINGLE}


def row(name: str, by_attack: dict[str, Record]) -> dict[str, object]:
    """Robust accuracy in percent under each attack, and whether none is below ``standard``, whose version is ``set``."""
    shown: dict[str, object] = {"model": name, "n": SAMPLES, "set": STANDARD}
    for path in SINGLE:
        shown[f"{ALONG} along {path}"] = _percent(by_attack[path], ALONG)
    for attack in OTHERS:
        shown[attack] = _percent(by_attack[LIBRARIES], attack)
    shown[STRONGEST] = _percent(by_attack[STRONGEST], STRONGEST)
    best = min(value for value in shown.values() if isinstance(value, float))
    shown["standard is strongest"] = shown[STRONGEST] == best
    return shown


def _percent(record: Record, attack: str) -> float:
    share: float = next(cell for cell in record.cells if cell.attack == attack).robust.value
    return round(100 * share, 1)


def markdown() -> str:
    """The written table for the page of the zoo: the strongest of each row in bold."""
    table = pd.read_csv(WHERE / "table.csv").sort_values("model")
    shown = table.drop(columns=["n", "set", "standard is strongest"])
    header = ["model", *(name.removeprefix(f"{ALONG} along ") for name in shown.columns[1:])]
    lines = ["| " + " | ".join(f"`{name}`" if number else name for number, name in enumerate(header)) + " |"]
    lines.append("|---" * len(header) + "|")
    for n, version, (_, row) in zip(table["n"], table["set"], shown.iterrows(), strict=True):
        values = [float(value) for value in row.iloc[1:]]
        cells = [f"**{value:.1f}**" if value == min(values) else f"{value:.1f}" for value in values]
        odd = [f"n={n}"] * (n != SAMPLES) + [f"`standard@{version}`"] * (version != STANDARD)
        note = f" ({', '.join(odd)})" if odd else ""
        lines.append(f"| `zoo:{row['model']}`{note} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(names: Sequence[str] = (), device: str = "cpu") -> int:
    """Evaluate what has no record yet and write the table.

    names: models whose rows are made anew; all if there are none. device: where missing records are computed.
    """
    keep_freed_memory()
    table, used = WHERE / "table.csv", set[str]()

    def rows() -> Iterator[dict[str, object]]:
        for name in names or subjects():
            by_attack = records(name, device)
            used.update(map(name_of, by_attack.values()))
            yield row(name, by_attack)

    others = rows_of_others(table, [(name,) for name in names], of=("model",)) if names else []
    write_growing(table, rows(), lambda row: f"{row['model']}: {STRONGEST} {row[STRONGEST]}", others)
    if not names:
        keep_only(WHERE, lambda name: name in used)
    return 0


def asked() -> argparse.Namespace:
    """What the command line names: ``model`` and ``device``."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", action="append", default=[], help="may be repeated")
    options.add_argument("--device", default="cpu", help="cpu or cuda [cpu]")
    return options.parse_args()


if __name__ == "__main__":
    options = asked()
    end_with(lambda: main(options.model, options.device))

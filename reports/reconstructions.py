"""How far attacks on the scene lower the fidelity of what a spike camera shows: the table of ``docs/spike-cameras.md``.

    python -m reports.reconstructions

For every camera of the zoo that only reconstructs, on the same scenes: PSNR and SSIM clean, under noise and under
ten steps of PGD. Keeps its records in ``leaderboards/reconstructions``.
"""

from __future__ import annotations

from pathlib import Path

from bench.evaluation.evaluate_once import evaluate_once, keep_only, name_of
from bench.evaluation.records.archive import Archive
from bench.evaluation.request.identity import folder_for
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings, running_wanted
from bench.foundation.errors import RecordError
from bench.foundation.memory import keep_freed_memory
from bench.tasks.reconstruction.results import Drop
from bench.tasks.record import Record
from bench.tasks.summary import decimal
from reports.exit_status import end_with
from zoo.card import card, names

WHERE = Path(__file__).resolve().parents[1] / "leaderboards" / "reconstructions"
ATTACK, RADIUS, SAMPLES = "pgd", "8/255", 20
"""A query of a stochastic model costs ten passes, and ``standard`` asks 1,300 times a scene: the table is a lower bound."""
HEADER = ("model", "PSNR clean", "random noise", "attacked", "drop", "SSIM clean", "attacked")


def subjects() -> list[str]:
    """Names of the models of the zoo that reconstruct."""
    return [name for name in names() if card(name).task == "reconstruction"]


def settings_of(name: str) -> Settings:
    """What is asked of a model."""
    return Settings(model=f"zoo:{name}", attack=ATTACK, eps=RADIUS, n=SAMPLES)


def records() -> list[Record]:
    """The kept records of the present cameras under the present attack sets. Raises ``RecordError`` if one is missing."""
    archive = Archive(WHERE)
    folders = {name: folder_for(resolve(settings_of(name))) for name in subjects()}
    missing = [name for name, folder in folders.items() if not archive.holds(folder)]
    if missing:
        raise RecordError(f"There is no record of {', '.join(missing)}.", "Run: python -m reports.reconstructions.")
    return [archive.read(folder) for folder in folders.values()]


def markdown() -> str:
    """The table, the largest drop first; PSNR in dB, with 95% intervals of what an attack changes."""
    drops = {record.model.ref: record.results[0] for record in records()}
    lines = ["| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|"]
    for ref, drop in sorted(drops.items(), key=lambda item: -item[1].drop.value if isinstance(item[1], Drop) else 0.0):
        if isinstance(drop, Drop):
            lines.append("| " + " | ".join(_cells(ref, drop)) + " |")
    return "\n".join(lines)


def _cells(ref: str, drop: Drop) -> list[str]:
    psnr = [f"{figure.value:.2f}" for figure in (drop.psnr_clean, drop.psnr_noise, drop.psnr)]
    return [f"`{ref}`", *psnr, decimal(drop.drop, "z.2f"), f"{drop.ssim_clean.value:.3f}", f"{drop.ssim.value:.3f}"]


def main() -> int:
    """Evaluate what has no record yet; an interrupted evaluation is resumed."""
    keep_freed_memory()
    used = {name_of(evaluate_once(settings_of(name), WHERE, running_wanted())) for name in subjects()}
    keep_only(WHERE, lambda name: name in used)
    return 0


if __name__ == "__main__":
    end_with(main)

"""Rules of classification boards: checks that entries are complete and consistent, and the columns of the table.

Every aggregate is computed again from the rows, by the functions that computed it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attacks.randomness import KeyedRng
from bench.foundation.threats import counts_events
from bench.metrics.classification import worst_case
from bench.metrics.statistics import Floats
from bench.models.scorer import Scorer
from bench.tasks.board import BoardEntry, BoardProtocol, BoardRules, Figure
from bench.tasks.challenged import counting_challenges, external
from bench.tasks.classification.results import Cell, cell
from bench.tasks.completeness import drift, incomplete, rows_of
from bench.tasks.feasibility import TOLERANCE
from bench.tasks.radii import radii
from bench.tasks.summary import in_percent

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.base import Samples
    from bench.models.subject import Subject
    from bench.tasks.record import Record

MICRO_BATCH = 64
"""Second batch size in which decisions are computed, as in an evaluation on a CPU."""


def problems(record: Record, protocol: BoardProtocol) -> Iterator[str]:
    """Everything that is wrong with a record under a protocol, in words; nothing if it may enter."""
    problems_so_far = [*incomplete(record, protocol), *_undecided(record)]
    yield from problems_so_far
    if not problems_so_far:
        yield from _inconsistent(record.rows, radii(record.rows, protocol.norm, protocol.data))
        yield from _drift(record)


def _undecided(record: Record) -> Iterator[str]:
    rows = record.rows
    undecided = int(((rows["status"] != "ok") & (rows["selection"] > 0)).sum())
    if undecided:
        yield f"{undecided} rows are undecided: a stage failed on samples that still stand"


def _inconsistent(rows: pd.DataFrame, allowed: Floats) -> Iterator[str]:
    rates = rows[["clean_correct", "noise_1", "noise_k", "robust", "selection", "robust_8bit"]].to_numpy(float)
    if not ((rates >= 0) & (rates <= 1)).all():
        yield "rates outside of 0 to 1"
    wrong = rows["clean_correct"] == 0
    expected_verdicts = np.where(wrong, "clean_wrong", np.where(rows["selection"] > 0, "robust", "broken"))
    if (expected_verdicts != rows["verdict"]).any():
        yield "verdicts that do not follow from their rates"
    if (rows.loc[wrong, ["robust", "selection", "robust_8bit"]] > 0).any(axis=None):
        yield "samples that stand an attack and are wrong without one"
    if (rows["noise_k"] > rows[["noise_1", "clean_correct"]].min(axis=1)).any():
        yield "noise accuracies that are higher than what bounds them"
    if (~wrong & (rows["norm_value"] > allowed + TOLERANCE)).any():
        yield "perturbations outside of the ball"
    if (rows.groupby("sample")[["label", "clean_pred"]].nunique() > 1).any(axis=None):
        yield "samples with several labels or clean decisions"


def _drift(record: Record) -> Iterator[str]:
    results = record.cells
    yield from drift(record.rows, results, worst_case, _again)
    for result in results:
        yield from _stage_drift(result, rows_of(record.rows, result, worst_case))


def _again(rows: pd.DataFrame, recorded: Cell) -> Cell:
    """The result computed anew, without what the recorded one is too old to tell."""
    anew = cell(rows, recorded.attack, recorded.seconds, recorded.stages)
    return anew.model_copy(update={name: None for name in ("late", "slow") if getattr(recorded, name) is None})


def _stage_drift(result: Cell, rows: pd.DataFrame) -> Iterator[str]:
    attacked = rows[rows["verdict"] != "clean_wrong"]
    standing_count = len(attacked)
    for stage in result.stages:
        broken = int(((attacked["stage"] == stage.name) & (attacked["selection"] == 0)).sum())
        if (stage.attempted, stage.broken) != (standing_count, broken):
            yield f"stage {stage.name} of {result.attack} at {result.eps_text} does not follow from the rows"
        standing_count -= broken


def strongest(record: Record, eps: str) -> Cell:
    """The last cell of a radius: the only attack, or the worst case over all attacks."""
    cells: list[Cell] = [cell for cell in record.cells if cell.eps_text == eps]
    return cells[-1]


def standing(record: Record, eps: str) -> pd.Series[float]:
    """Sample id to rate of correct decisions under the strongest attack at a radius."""
    rows = record.rows[record.rows["eps_text"] == eps]
    rows = worst_case(rows) if rows["attack"].nunique() > 1 else rows
    return rows.set_index("sample")["robust"].sort_index()


def ranked_by(entry: BoardEntry, protocol: BoardProtocol) -> Floats:
    """Per-sample values (n,) whose mean orders the table, higher first."""
    return np.asarray(standing(entry.record, protocol.rank_by), dtype=np.float64)


ESTIMATED_SINCE = 4
"""The version of the evaluator whose attack sets have a last third that tells; older tables keep their ranks."""


def reach(entry: BoardEntry, protocol: BoardProtocol) -> float:
    """Share of the samples that a longer attack may still break at the radius that orders the table."""
    if entry.record.evaluator_version < ESTIMATED_SINCE:
        return 0.0
    return strongest(entry.record, protocol.rank_by).further


def best_known(entry: BoardEntry, eps: str) -> Floats:
    """Per-sample rates (n,) that remain under the protocol's attacks and all challenges at a radius."""
    return counting_challenges(standing(entry.record, eps), entry, eps, lambda row: row.robust, min)


def columns(entry: BoardEntry, protocol: BoardProtocol) -> dict[str, float | str]:
    """The measured part of a table row."""
    first = strongest(entry.record, protocol.eps[0])
    values: dict[str, float | str] = {
        "clean": first.clean.value,
        "clean_low": first.clean.low,
        "clean_high": first.clean.high,
    }
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        values |= {
            f"noise@{eps}": result.noise.value,
            f"noise_best@{eps}": result.noise_best.value,
            f"robust@{eps}": result.robust.value,
            f"robust_low@{eps}": result.robust.low,
            f"robust_high@{eps}": result.robust.high,
            f"robust_8bit@{eps}": result.robust_8bit.value,
            f"gap@{eps}": result.gap.value,
            f"gap_best@{eps}": result.gap_best.value,
        }
        values[f"best_known_external@{eps}"] = external(entry, eps, best_known)
    if counts_events(protocol.norm):
        values["least_median"] = median_least(entry.record)
    return values


def median_least(record: Record) -> float | str:
    """Median over samples of the least change that was seen to break one at any radius, in the unit of the threat.

    A sample that is decided wrongly unperturbed needs none. If the median sample stands at every radius, a text says so. It
    is an upper bound of the median of the least changes that there are: a search stops within its radius, not at the edge.
    """
    rows = record.rows
    needed = np.where(rows["verdict"] == "broken", rows["norm_value"], np.inf)
    needed = np.where(rows["verdict"] == "clean_wrong", 0.0, needed)
    # The median sample itself, not the mean of the two in the middle: one of them may be infinite.
    least = np.sort(pd.Series(needed).groupby(rows["sample"].to_numpy()).min().to_numpy())
    middle = float(least[len(least) // 2])
    return middle if np.isfinite(middle) else f"over {rows['eps_text'].iloc[int(rows['eps'].argmax())]}"


def line(row: Mapping[str, str], protocol: BoardProtocol) -> dict[str, str]:
    """Accuracies in percent, radius by radius."""
    measured = {"clean": row["clean"]}
    for eps in protocol.eps:
        measured[f"noise {eps}"] = row[f"noise@{eps}"]
        measured[f"attack {eps}"] = row[f"robust@{eps}"]
        measured[f"external {eps}"] = row[f"best_known_external@{eps}"]
    return {name: in_percent(text) for name, text in measured.items()}


def figures(entry: BoardEntry, protocol: BoardProtocol) -> list[Figure]:
    """Clean accuracy, and accuracy under noise and attack at every radius."""
    claims, clean = entry.card.claims, strongest(entry.record, protocol.eps[0]).clean
    listed = [Figure("clean accuracy", clean, ".1%", True, claims.clean)]
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        listed.append(Figure(f"random noise, {eps}", result.noise, ".1%"))
        listed.append(Figure(f"under attack, {eps}", result.robust, ".1%", True, claims.robust.get(eps)))
    return listed


def agreement(both: pd.DataFrame, entry: BoardEntry) -> tuple[int, int, int]:
    """Numbers of rows with equal clean decision, equal verdict and equal adversarial image."""
    names = ("clean_pred", "verdict", "adv_sha256")
    clean, verdict, images = (int((both[name] == both[f"{name}_kept"]).sum()) for name in names)
    return clean, verdict, images


def answers(
    subject: Subject, samples: Samples, clean: Samples, images: Tensor, ids: Tensor, protocol: BoardProtocol
) -> list[dict[str, Any]]:
    """Decision and rate of right decisions for each of ``images`` ``(m, ...)`` of samples ``ids`` ``(m,)``."""
    scorer = Scorer(subject.deciding, subject.ref, protocol.draws if subject.stochastic else 1)
    rng = KeyedRng.of(protocol.seed, ids).fold("challenge")
    decisions = scorer.decisions(images, rng)
    rates = (decisions == clean.labels).float().mean(0)
    if not subject.stochastic:  # a decision that depends on the batch does not count as robust
        rates[(scorer.decisions(images, rng, batch=MICRO_BATCH) != decisions).any(0)] = 0.0
    return [{"adv_pred": int(decisions[0, row]), "robust": float(rates[row])} for row in range(len(images))]


RULES = BoardRules(
    unit="accuracy in %",
    figure="robust accuracy",
    problems=problems,
    ranked_by=ranked_by,
    reach=reach,
    best_known=best_known,
    columns=columns,
    line=line,
    figures=figures,
    agreement=agreement,
    answers=answers,
)

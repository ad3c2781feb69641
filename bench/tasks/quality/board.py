"""Rules of boards of models that score: checks that entries are complete and consistent, order and columns of the table.

A board is ranked by the mean |shift| at one radius, in units of the model's score range; less is better. It is the shift of
the scores as they are, or of scores clipped to their range (``figure: clipped`` in the protocol), which no score far outside
of its scale can decide. The versions of one photograph are not independent samples, so models are compared by means over
photographs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.metrics.quality import ScoreRange, clipped_sizes
from bench.metrics.statistics import Floats
from bench.models.scorer import Scorer
from bench.tasks.board import BoardEntry, BoardProtocol, BoardRules, Figure
from bench.tasks.challenged import counting_challenges, external
from bench.tasks.completeness import drift, incomplete
from bench.tasks.feasibility import TOLERANCE
from bench.tasks.moving import by_group
from bench.tasks.quality.admission import admitted
from bench.tasks.quality.results import SATURATING, Shift, shift_result
from bench.tasks.quality.rows import worst_case
from bench.tasks.summary import in_percent

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.base import Samples
    from bench.models.subject import Subject
    from bench.tasks.record import Record

RAW, CLIPPED = "shift", "clipped"
"""What a protocol may rank by: the shift as it is, or of scores clipped to their range."""
WITHOUT_SATURATING = 2
"""The last version of the evaluator whose records lack the figures that saturate."""
CLOSE = 1e-4
"""Tolerance for clean scores that are measured again, in units of the score range."""
CLOSE_SHIFT = 0.02
"""Tolerance for shifts, which is wider because rounding on another processor changes the course of attacks: in units of the
range, or of the shift itself where a score is moved by more than its range."""


def problems(record: Record, protocol: BoardProtocol) -> Iterator[str]:
    """Everything that is wrong with a record under a protocol, in words; nothing if it may enter."""
    problems_so_far = [*incomplete(record, protocol)]
    if record.model.score_range is None:
        problems_so_far.append("no score range")
    yield from problems_so_far
    if not problems_so_far:
        failed = int(((record.rows["status"] != "ok") | record.rows["shift"].isna()).sum())
        if failed:
            yield f"{failed} rows are undecided: a stage failed on them"
            return
        yield from _inconsistent(record.rows)
        yield from _drift(record)


def _inconsistent(rows: pd.DataFrame) -> Iterator[str]:
    ways = rows[["shift_up", "shift_down"]].to_numpy(float)
    largest = np.nanmax(np.abs(ways), axis=1)
    if not np.allclose(rows["shift"].abs(), largest, rtol=0, atol=1e-9):
        yield "shifts that are not the larger of both ways"
    for way in ("up", "down"):
        moved = rows["clean"] + rows[f"shift_{way}"]
        if not np.allclose(moved, rows[f"score_{way}"], rtol=0, atol=1e-9, equal_nan=True):
            yield f"scores attacked {way} that are not clean score and shift"
    if ((rows["noise_k"] - rows["clean"]).abs() < (rows["noise_1"] - rows["clean"]).abs() - 1e-9).any():
        yield "noise that moves scores farther once than at its worst"
    if (rows["norm_value"] > rows["eps"] + TOLERANCE).any():
        yield "perturbations outside of the ball"
    if (rows.groupby("sample")[["label", "clean", "group"]].nunique() > 1).any(axis=None):
        yield "samples with several labels, photographs or clean scores"


def _drift(record: Record) -> Iterator[str]:
    lacking = dict.fromkeys(SATURATING) if record.evaluator_version <= WITHOUT_SATURATING else {}

    def again(rows: pd.DataFrame, old: Shift) -> Shift:
        result = shift_result(rows, old.attack, scale(record), old.seconds, old.stages)
        return result.model_copy(update=lacking)

    return drift(record.rows, record.shifts, worst_case, again)


def scale(record: Record) -> ScoreRange:
    """The score range of the model that was measured, (0, 1) if it has none."""
    return ScoreRange(*(record.model.score_range or (0.0, 1.0)))


def strongest(record: Record, eps: str) -> Shift:
    """The last result of a radius: the only attack, or the largest shift over all."""
    shifts: list[Shift] = [shift for shift in record.shifts if shift.eps_text == eps]
    return shifts[-1]


def moved(record: Record, eps: str) -> pd.DataFrame:
    """Columns ``group`` (photograph), ``shift`` and ``clipped`` (|shift| in score ranges, as it is and of clipped scores,
    under the strongest attack at a radius), by sample.
    """
    rows = record.rows[record.rows["eps_text"] == eps]
    rows = worst_case(rows) if rows["attack"].nunique() > 1 else rows
    rows = rows.set_index("sample").sort_index()
    clean, up, down = (rows[name].to_numpy(float) for name in ("clean", "score_up", "score_down"))
    return rows[["group"]].assign(
        shift=rows["shift"].abs() / scale(record).width, clipped=clipped_sizes(clean, up, down, scale(record))
    )


def by_clipped(protocol: BoardProtocol) -> bool:
    """Whether a board is ranked by the shift of clipped scores."""
    return protocol.figure == CLIPPED


def ranked_by(entry: BoardEntry, protocol: BoardProtocol) -> Floats:
    """Minus the mean |shift| per photograph (G,), clipped if the protocol says so, in score ranges: higher is better."""
    return -by_group(moved(entry.record, protocol.rank_by), CLIPPED if by_clipped(protocol) else RAW)


def best_known(entry: BoardEntry, eps: str) -> Floats:
    """|shift| per sample (n,), in score ranges, under the protocol's attacks and all challenges at a radius."""
    width = scale(entry.record).width

    def size(row: Any) -> float | None:
        return None if row.shift is None else abs(row.shift) / width

    return counting_challenges(moved(entry.record, eps)["shift"], entry, eps, size, max)


def columns(entry: BoardEntry, protocol: BoardProtocol) -> dict[str, float | str]:
    """The measured part of a table row."""
    first = strongest(entry.record, protocol.eps[0])
    values: dict[str, float | str] = {
        "srcc": first.srcc_clean.value,
        "srcc_low": first.srcc_clean.low,
        "srcc_high": first.srcc_clean.high,
        "plcc": first.plcc_clean.value,
    }
    width = scale(entry.record).width
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        values |= {
            f"shift@{eps}": result.in_ranges.value,
            f"shift_low@{eps}": result.in_ranges.low,
            f"shift_high@{eps}": result.in_ranges.high,
            f"signed@{eps}": result.signed.value / width,
            f"shift_8bit@{eps}": result.rounded.value / width,
            f"noise@{eps}": result.noise.value / width,
            f"noise_best@{eps}": result.noise_best.value / width,
            f"gap@{eps}": result.gap.value / width,
            f"gap_best@{eps}": result.gap_best.value / width,
            f"r@{eps}": result.robustness.value,
            f"srcc_attacked@{eps}": result.srcc_attacked.value,
            f"plcc_attacked@{eps}": result.plcc_attacked.value,
        }
        if by_clipped(protocol):
            values |= _saturating(result, eps)
        values[f"best_known_external@{eps}"] = external(entry, eps, best_known)
    return values


def _saturating(result: Shift, eps: str) -> dict[str, float | str]:
    """Columns of a board that is ranked by clipped shifts."""
    values: dict[str, float | str] = {f"srcc_between@{eps}": result.srcc_between.value}
    if result.clipped is not None:
        ends = {"": result.clipped.value, "_low": result.clipped.low, "_high": result.clipped.high}
        values |= {f"clipped{end}@{eps}": value for end, value in ends.items()}
    for name in SATURATING[1:]:
        interval = getattr(result, name)
        values[f"{name}@{eps}"] = "" if interval is None else interval.value
    return values


def line(row: Mapping[str, str], protocol: BoardProtocol) -> dict[str, str]:
    """Shifts in percent of the score range, radius by radius, and rank correlations."""
    measured = {}
    for eps in protocol.eps:
        measured[f"noise {eps}"] = row[f"noise@{eps}"]
        measured[f"attack {eps}"] = row[f"shift@{eps}"]
        if by_clipped(protocol):
            measured[f"clipped {eps}"] = row[f"clipped@{eps}"]
        measured[f"external {eps}"] = row[f"best_known_external@{eps}"]
    attacked = f"srcc_attacked@{protocol.rank_by}"
    return {name: in_percent(text) for name, text in measured.items()} | {
        "SRCC": f"{float(row['srcc']):z.3f}",
        f"SRCC attacked {protocol.rank_by}": f"{float(row[attacked]):z.3f}",
    }


def figures(entry: BoardEntry, protocol: BoardProtocol) -> list[Figure]:
    """Rank correlation, and mean |shift| by noise and attack at every radius; of a shift less is better."""
    claims, width = entry.card.claims, scale(entry.record).width
    listed = [Figure("SRCC", strongest(entry.record, protocol.eps[0]).srcc_clean, ".3f", True, claims.srcc)]
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        noise = result.noise.model_copy(update={end: getattr(result.noise, end) / width for end in ("value", "low", "high")})
        listed.append(Figure(f"mean shift by random noise, {eps}", noise, ".3f"))
        listed.append(Figure(f"mean shift by attack, {eps}", result.in_ranges, ".3f", True, claims.shift.get(eps)))
        if by_clipped(protocol) and result.clipped is not None:
            listed.append(Figure(f"mean shift of clipped scores by attack, {eps}", result.clipped, ".3f"))
    return listed


def agreement(both: pd.DataFrame, entry: BoardEntry) -> tuple[int, int, int]:
    """Numbers of rows with equal clean score, equal |shift| (both within a tolerance) and equal adversarial images."""
    width = scale(entry.record).width
    clean = (both["clean"] - both["clean_kept"]).abs() <= CLOSE * width
    size, size_kept = both["shift"].abs(), both["shift_kept"].abs()
    shift = (size - size_kept).abs() <= CLOSE_SHIFT * size_kept.clip(lower=width)
    up, down = (both[f"adv_sha256_{way}"] == both[f"adv_sha256_{way}_kept"] for way in ("up", "down"))
    return int(clean.sum()), int(shift.sum()), int((up & down).sum())


def answers(
    subject: Subject, samples: Samples, clean: Samples, images: Tensor, ids: Tensor, protocol: BoardProtocol
) -> list[dict[str, Any]]:
    """Shift of the score, in its units, for each of ``images`` ``(m, ...)`` of samples ``ids`` ``(m,)``."""
    admitted_subject = admitted(subject)
    scorer = Scorer(admitted_subject.deciding, admitted_subject.ref)
    shifts = scorer.scores(images) - scorer.scores(clean.images)
    return [{"shift": float(shift)} for shift in shifts]


RULES = BoardRules(
    unit="shift of the score in % of its range",
    figure="mean |shift|, of the score range,",
    rankings=(RAW, CLIPPED),
    problems=problems,
    ranked_by=ranked_by,
    best_known=best_known,
    columns=columns,
    line=line,
    figures=figures,
    agreement=agreement,
    answers=answers,
)

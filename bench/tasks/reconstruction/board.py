"""Rules of boards of models that reconstruct: whether entries are complete and consistent, order and columns of the table.

A board is ranked by the PSNR under attack at one radius, each picture against the scene that was shown: more is better. The
drop stands beside it and ranks nothing: a camera that shows nothing of its scenes would lose nothing and be first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attacks.randomness import KeyedRng
from bench.metrics.statistics import Floats
from bench.models.scorer import Scorer
from bench.tasks.board import BoardEntry, BoardProtocol, BoardRules, Figure
from bench.tasks.challenged import counting_challenges, external
from bench.tasks.completeness import drift, incomplete
from bench.tasks.feasibility import TOLERANCE
from bench.tasks.moving import by_group
from bench.tasks.radii import radii
from bench.tasks.reconstruction.fidelity import LARGEST, decibels, fidelity
from bench.tasks.reconstruction.judge import SAME_PSNR
from bench.tasks.reconstruction.results import Drop, drop_result
from bench.tasks.reconstruction.rows import worst_case

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.base import Samples
    from bench.models.subject import Subject
    from bench.tasks.record import Record

CLOSE_PSNR = 0.1
"""Tolerance in dB for the PSNR of an attacked picture that is measured again, which is wider than for a clean one because
rounding on another processor changes the course of attacks."""


def problems(record: Record, protocol: BoardProtocol) -> Iterator[str]:
    """Everything that is wrong with a record under a protocol, in words; nothing if it may enter."""
    problems_so_far = [*incomplete(record, protocol)]
    failed = int((record.rows["status"] != "ok").sum())
    if failed:
        problems_so_far.append(f"{failed} rows are undecided: a stage failed on them")
    elif not problems_so_far:
        problems_so_far += _inconsistent(record, radii(record.rows, protocol.norm, protocol.data))
    yield from problems_so_far or _drift(record)


def _inconsistent(record: Record, allowed: Floats) -> Iterator[str]:
    rows = record.rows
    if not (rows[["clean_psnr", "noise_1", "noise_k", "psnr", "psnr_8bit"]].to_numpy(float) <= LARGEST).all():
        yield f"PSNRs that are no number up to {LARGEST:.0f} dB"
    if not (rows[["clean_ssim", "noise_ssim", "ssim"]].abs().to_numpy(float) <= 1 + TOLERANCE).all():
        yield "SSIMs outside of -1 to 1"
    if not np.allclose(rows["drop"], rows["clean_psnr"] - rows["psnr"], rtol=0, atol=1e-9):
        yield "drops that are not clean PSNR and attacked PSNR"
    # A stochastic model is reported from other draws than those by which the worst of several stages is chosen.
    if not record.model.stochastic and not np.allclose(decibels(rows["error"].to_numpy(float)), rows["psnr"], atol=1e-6):
        yield "PSNRs that are not those of their errors"
    if (rows["noise_k"] > rows["noise_1"] + 1e-9).any():
        yield "noise that lowers a PSNR farther once than at its worst"
    if (rows["norm_value"] > allowed + TOLERANCE).any():
        yield "perturbations outside of the ball"
    if (rows.groupby("sample")[["group", "clean_psnr", "clean_ssim"]].nunique() > 1).any(axis=None):
        yield "samples with several groups or clean pictures"


def _drift(record: Record) -> Iterator[str]:
    return drift(
        record.rows, drops(record), worst_case, lambda rows, old: drop_result(rows, old.attack, old.seconds, old.stages)
    )


def drops(record: Record) -> list[Drop]:
    """The results of a record of a model that reconstructs."""
    return [result for result in record.results if isinstance(result, Drop)]


def strongest(record: Record, eps: str) -> Drop:
    """The last result of a radius: the only attack, or the lowest PSNR over all."""
    return [drop for drop in drops(record) if drop.eps_text == eps][-1]


def attacked(record: Record, eps: str) -> pd.DataFrame:
    """Columns ``group``, ``psnr`` and ``drop`` (dB) under the strongest attack at a radius, by sample."""
    rows = record.rows[record.rows["eps_text"] == eps]
    rows = worst_case(rows) if rows["attack"].nunique() > 1 else rows
    return rows.set_index("sample").sort_index()[["group", "psnr", "drop"]]


def ranked_by(entry: BoardEntry, protocol: BoardProtocol) -> Floats:
    """PSNR under attack in dB, ``(G,)``, one for each group of samples that are not independent: higher is better."""
    return by_group(attacked(entry.record, protocol.rank_by), "psnr")


def best_known(entry: BoardEntry, eps: str) -> Floats:
    """PSNR per sample ``(n,)`` in dB under the protocol's attacks and all challenges at a radius."""
    return counting_challenges(attacked(entry.record, eps)["psnr"], entry, eps, lambda row: row.psnr, min)


def columns(entry: BoardEntry, protocol: BoardProtocol) -> dict[str, float | str]:
    """The measured part of a table row; PSNR, drops and gaps in dB."""
    first = strongest(entry.record, protocol.eps[0])
    values: dict[str, float | str] = {
        "psnr": first.psnr_clean.value,
        "psnr_low": first.psnr_clean.low,
        "psnr_high": first.psnr_clean.high,
        "ssim": first.ssim_clean.value,
    }
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        values |= {
            f"noise@{eps}": result.psnr_noise.value,
            f"noise_best@{eps}": result.psnr_noise_worst.value,
            f"attacked@{eps}": result.psnr.value,
            f"attacked_low@{eps}": result.psnr.low,
            f"attacked_high@{eps}": result.psnr.high,
            f"drop@{eps}": result.drop.value,
            f"drop_low@{eps}": result.drop.low,
            f"drop_high@{eps}": result.drop.high,
            f"drop_8bit@{eps}": result.rounded.value,
            f"gap@{eps}": result.gap.value,
            f"gap_low@{eps}": result.gap.low,
            f"gap_high@{eps}": result.gap.high,
            f"gap_best@{eps}": result.gap_worst.value,
            f"ssim_attacked@{eps}": result.ssim.value,
        }
        values[f"best_known_external@{eps}"] = external(entry, eps, best_known)
    return values


def line(row: Mapping[str, str], protocol: BoardProtocol) -> dict[str, str]:
    """PSNR in dB, radius by radius, and the drop where the board ranks."""
    measured = {"clean": row["psnr"]}
    for eps in protocol.eps:
        measured[f"noise {eps}"] = row[f"noise@{eps}"]
        measured[f"attack {eps}"] = row[f"attacked@{eps}"]
        measured[f"external {eps}"] = row[f"best_known_external@{eps}"]
    measured[f"drop {protocol.rank_by}"] = row[f"drop@{protocol.rank_by}"]
    return {name: f"{float(text):z.2f}" if text else "" for name, text in measured.items()}


def figures(entry: BoardEntry, protocol: BoardProtocol) -> list[Figure]:
    """Clean PSNR, and at every radius the PSNR under noise and under attack, and the drop."""
    listed = [Figure("PSNR (dB)", strongest(entry.record, protocol.eps[0]).psnr_clean, ".2f")]
    for eps in protocol.eps:
        result = strongest(entry.record, eps)
        listed.append(Figure(f"PSNR under random noise, {eps}", result.psnr_noise, ".2f"))
        listed.append(Figure(f"PSNR under attack, {eps}", result.psnr, ".2f"))
        listed.append(Figure(f"drop in PSNR by attack, {eps}", result.drop, ".2f"))
    return listed


def agreement(both: pd.DataFrame, entry: BoardEntry) -> tuple[int, int, int]:
    """Numbers of rows with equal clean PSNR, equal attacked PSNR (both within a tolerance) and equal attacked scenes."""
    clean = (both["clean_psnr"] - both["clean_psnr_kept"]).abs() <= SAME_PSNR
    psnr = (both["psnr"] - both["psnr_kept"]).abs() <= CLOSE_PSNR
    images = both["adv_sha256"] == both["adv_sha256_kept"]
    return int(clean.sum()), int(psnr.sum()), int(images.sum())


def answers(
    subject: Subject, samples: Samples, clean: Samples, images: Tensor, ids: Tensor, protocol: BoardProtocol
) -> list[dict[str, Any]]:
    """PSNR in dB of the picture of each scene ``images`` ``(m, ...)`` of samples ``ids`` ``(m,)``, against that scene."""
    scorer = Scorer(subject.deciding, subject.ref, protocol.draws if subject.stochastic else 1)
    rng = KeyedRng.of(protocol.seed, ids).fold("challenge")
    return [{"psnr": psnr} for psnr in fidelity(scorer, images, rng).psnr.tolist()]


RULES = BoardRules(
    unit="PSNR in dB",
    figure="PSNR",
    scale=1.0,
    sign=" dB",
    problems=problems,
    ranked_by=ranked_by,
    best_known=best_known,
    columns=columns,
    line=line,
    figures=figures,
    agreement=agreement,
    answers=answers,
)

"""One page about an entry: claimed against measured, whether to believe it, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.boards.card import KINDS
from bench.boards.ranking import ranks

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Board, Entry
    from bench.evaluation.records.record import Interval


def _against(claimed: float | None, low: float, high: float, form: str) -> str:
    """A claim, and how it compares with the interval that was measured."""
    if claimed is None:
        return "not claimed | "
    word = "above what was measured" if claimed > high else "below" if claimed < low else "agrees"
    return f"{claimed:{form}} | {word}"


def _row(what: str, measured: Interval, form: str, claimed: str = " | ") -> str:
    return f"| {what} | {measured.value:z{form}} [{measured.low:z{form}}, {measured.high:z{form}}] | {claimed} |"


def _accuracies(entry: Entry, protocol: Protocol) -> list[str]:
    from bench.tasks.classification.board import strongest

    claims, clean = entry.card.claims, strongest(entry.record, protocol.eps[0]).clean
    lines = [_row("clean accuracy", clean, ".1%", _against(claims.clean, clean.low, clean.high, ".1%"))]
    for eps in protocol.eps:
        cell = strongest(entry.record, eps)
        told = _against(claims.robust.get(eps), cell.robust.low, cell.robust.high, ".1%")
        lines.append(_row(f"random noise, {eps}", cell.noise, ".1%"))
        lines.append(_row(f"under attack, {eps}", cell.robust, ".1%", told))
    return lines


def _shifts(entry: Entry, protocol: Protocol) -> list[str]:
    """Mean |shift|, of which less is better; the claim is compared the same way."""
    from bench.tasks.quality.board import scale, strongest

    claims, width = entry.card.claims, scale(entry.record).width
    clean = strongest(entry.record, protocol.eps[0]).srcc_clean
    lines = [_row("SRCC", clean, ".3f", _against(claims.srcc, clean.low, clean.high, ".3f"))]
    for eps in protocol.eps:
        shift = strongest(entry.record, eps)
        moved, noise = shift.in_ranges, shift.noise
        told = _against(claims.shift.get(eps), moved.low, moved.high, ".3f")
        ends = {end: getattr(noise, end) / width for end in ("value", "low", "high")}
        lines.append(_row(f"mean shift by random noise, {eps}", noise.model_copy(update=ends), ".3f"))
        lines.append(_row(f"mean shift by attack, {eps}", moved, ".3f", told))
    return lines


def summary(board: Board, entry: Entry) -> str:
    """Markdown."""
    protocol, record = board.protocol(), entry.record
    order = ranks(board.entries(), protocol)
    measured = (_shifts if protocol.task == "quality" else _accuracies)(entry, protocol)
    lines = [
        f"# {entry.name} on {board}",
        "",
        entry.card.summary,
        "",
        f"{KINDS[entry.card.kind]}; {record.data.n} {record.data.split} samples of {record.data.name}, {record.norm}, "
        f"attacks: {', '.join(protocol.specs)}; protocol {board.protocol_sha256[:16]}; record {entry.record_sha256[:16]}",
        "",
        "| | measured [95%] | claimed | |",
        "|---|---|---|---|",
        *measured,
    ]
    lines += ["", f"Verdict: {record.reliability.status}."]
    lines += [f"- {reason}" for reason in record.reliability.reasons]
    if entry.name in order:
        rank = order[entry.name]
        lines += [
            "",
            f"Rank {rank.rank} of {len(order)} at {protocol.rank_by}; these samples allow {rank.low} to {rank.high}.",
        ]
    else:
        lines += ["", "Unranked: an unreliable record is shown, and not ranked."]
    return "\n".join(lines) + "\n"

"""One page about an entry: claimed against measured, whether to believe it, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.boards.card import KINDS
from bench.boards.ranking import ranks

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.record import Interval


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _against(claimed: float | None, measured: Interval) -> str:
    if claimed is None:
        return "not claimed | "
    word = "above what was measured" if claimed > measured.high else "below" if claimed < measured.low else "agrees"
    return f"{100 * claimed:.1f}% | {word}"


def summary(board: Board, entry: Entry) -> str:
    """Markdown."""
    from bench.boards.classification import strongest

    protocol, record, claims = board.protocol(), entry.record, entry.card.claims
    first = strongest(record, protocol.eps[0])
    order = ranks(board.entries(), protocol)
    lines = [
        f"# {entry.name} on {board}",
        "",
        entry.card.summary,
        "",
        f"{KINDS[entry.card.kind]}; {record.data.n} {record.data.split} samples of {record.data.name}, {record.norm}, "
        f"attacks: {', '.join(protocol.specs)}; protocol {board.protocol_sha256[:16]}; record {entry.record_sha256[:16]}",
        "",
        "| accuracy | measured [95%] | claimed | |",
        "|---|---|---|---|",
        f"| clean | {_percent(first.clean)} | {_against(claims.clean, first.clean)} |",
    ]
    for eps in protocol.eps:
        cell = strongest(record, eps)
        lines.append(f"| random noise, {eps} | {_percent(cell.noise)} | | |")
        lines.append(f"| under attack, {eps} | {_percent(cell.robust)} | {_against(claims.robust.get(eps), cell.robust)} |")
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

"""One page about an entry: claimed against measured, whether to believe it, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.boards.card import KINDS
from bench.boards.ranking import ranks
from bench.foundation.escaping import for_markdown
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.store import Board, Entry
    from bench.tasks.board import Figure


def _row(figure: Figure) -> str:
    """A figure with its interval, and how a claim compares with it."""
    form, measured = figure.form, figure.measured
    interval = f"{measured.value:z{form}} [{measured.low:z{form}}, {measured.high:z{form}}]"
    return f"| {figure.name} | {interval} | {_claim(figure)} |"


def _claim(figure: Figure) -> str:
    """A claim, and how it compares with the interval that was measured."""
    if not figure.claimable:
        return " | "
    claimed, measured = figure.claimed, figure.measured
    if claimed is None:
        return "not claimed | "
    word = "above what was measured" if claimed > measured.high else "below" if claimed < measured.low else "agrees"
    return f"{claimed:{figure.form}} | {word}"


def summary(board: Board, entry: Entry) -> str:
    """Markdown."""
    protocol, record = board.protocol(), entry.record
    order = ranks(board.entries(), protocol)
    figures = board_rules(protocol.task).figures(entry, protocol)
    lines = [
        f"# {entry.name} on {board}",
        "",
        for_markdown(entry.card.summary),
        "",
        f"{KINDS[entry.card.kind]}; {record.data.n} {record.data.split} samples of {for_markdown(record.data.name)}, "
        f"{record.norm}, attacks: {for_markdown(', '.join(protocol.specs))}; "
        f"protocol {board.protocol_sha256[:16]}; record {entry.record_sha256[:16]}",
        "",
        "| | measured [95%] | claimed | |",
        "|---|---|---|---|",
        *map(_row, figures),
    ]
    lines += ["", f"Verdict: {record.reliability.grade}."]
    lines += [f"- {for_markdown(reason)}" for reason in record.reliability.reasons]
    if entry.name in order:
        rank = order[entry.name]
        lines += [
            "",
            f"Rank {rank.rank} of {len(order)} at {protocol.rank_by}; these samples allow {rank.low} to {rank.high}.",
        ]
    else:
        lines += ["", "Unranked: an unreliable record is shown, and not ranked."]
    return "\n".join(lines) + "\n"

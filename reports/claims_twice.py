"""Claims that are checked on two networks, as one Markdown table with both verdicts beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.foundation.escaping import for_markdown
from bench.studies.claims.claim import Claim, read_claims
from reports.site.claims import outcome


def twice(claims: Mapping[str, Claim]) -> list[tuple[Claim, Claim]]:
    """Each claim that is repeated, with the one that repeats it, in the order of the first."""
    repeated = [(claims[claim.repeats], claim) for claim in claims.values() if claim.repeats is not None]
    order = list(claims.values())
    return sorted(repeated, key=lambda pair: order.index(pair[0]))


def markdown(root: Path) -> str:
    """One row per repeated claim of ``root/claims.yaml``: the statement, and its verdict on either network.

    Raises ``BoardError`` for a malformed file.
    """
    lines = ["| claim | compact network | ResNet-20 |", "|---|---|---|"]
    for first, again in twice(read_claims(root)):
        lines.append(f"| {for_markdown(first.claim)} | {outcome(first)} | {outcome(again)} |")
    return "\n".join(lines)

"""Claims in the form in which the site shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.studies.claims.claim import Claim
from bench.studies.claims.freshness import stale


@dataclass(frozen=True)
class ClaimView:
    """A headline, its verdict, and labelled lines below."""

    title: str
    verdict: str
    fields: list[tuple[str, str]]


def view(name: str, claim: Claim) -> ClaimView:
    """One claim in words; fields without content are left out."""
    result = claim.result
    fields = {
        "source": claim.source,
        "models": ", ".join(f"zoo:{model}" for model in claim.models),
        "statistic": claim.statistic.replace("_", " "),
        "protocol": _listed(claim.protocol),
        "holds if": f"{claim.holds.side} {claim.holds.value:g}",
        "measured": "" if result is None else f"{result.value:.3g} [{result.low:.3g}, {result.high:.3g}], n = {result.n}",
        "made of": "" if result is None else _listed(result.parts),
        "notes": claim.notes,
        "again": f"bench claims --run {name}",
    }
    verdict = (claim.verdict or "not run yet") + (" (of other weights)" if stale(claim) else "")
    return ClaimView(claim.claim, verdict, [(label, text) for label, text in fields.items() if text])


def _listed(values: Mapping[str, object]) -> str:
    return "; ".join(f"{key}: {_text(value)}" for key, value in values.items())


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

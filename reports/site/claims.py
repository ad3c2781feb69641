"""Claims in the form in which the site shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.studies.claims.claim import Claim, Result
from bench.studies.claims.freshness import stale
from bench.studies.claims.multiplicity import Corrected, corrected
from reports.site.figures import points

NOT_RUN = "not run yet"
DETAILS = ("made of", "protocol", "again")
"""Labels of lines that only some readers want."""
IN_POINTS = ("robust_difference", "gap_difference", "robust", "gap", "attack_difference", "accuracy_by_step")
"""Statistics that are fractions of images, which are written in percentage points."""
QUANTITIES = {
    "robust_difference": "accuracy under attack",
    "gap_difference": "gap between accuracy under noise and under attack",
    "robust": "accuracy under attack",
    "gap": "accuracy under noise minus accuracy under attack",
    "attack_difference": "accuracy under the attack",
    "accuracy_by_step": "clean accuracy, mean over numbers of time steps",
    "membrane_perturbation": "mean-square perturbation of membrane potentials",
    "gradient_sparsity": "effective share of pixels in the input gradient",
    "slope_error": "error of the finite difference, relative to the gradient",
    "shift_difference": "mean shift of the score",
    "clipped_shift_difference": "mean shift of the score clipped to its range",
    "shift_prediction": "rank correlation of the shift with the gradient's l1 norm",
}
"""What a statistic measures; any other has its name."""


@dataclass(frozen=True)
class ClaimView:
    """A headline, its verdict, and labelled lines below.

    name: by which it is run. corrected: the verdict of Holm's method, empty where nothing was measured; adjusted: the p
    value that it rests on. models: names in the zoo.
    """

    title: str
    verdict: str
    fields: list[tuple[str, str]]
    name: str = ""
    corrected: str = ""
    adjusted: str = ""
    models: list[str] = field(default_factory=list)

    @property
    def first(self) -> list[tuple[str, str]]:
        """The lines that tell what was found."""
        return [line for line in self.fields if line[0] not in DETAILS]

    @property
    def details(self) -> list[tuple[str, str]]:
        """The lines that tell how."""
        return [line for line in self.fields if line[0] in DETAILS]

    @property
    def kind(self) -> str:
        """The verdict without remarks, for colours and filters."""
        return self.verdict.partition(" (")[0]


def views(claims: Mapping[str, Claim]) -> list[ClaimView]:
    """All claims in words, in their order."""
    verdicts = corrected(claims)
    return [view(name, claim, verdicts.get(name), on_other_networks(name, claims)) for name, claim in claims.items()]


def on_other_networks(name: str, claims: Mapping[str, Claim]) -> list[Claim]:
    """The same claim on other networks: those that repeat it, or for one that repeats another, that one and its others."""
    first = claims[name].repeats or name
    return [claim for other, claim in claims.items() if other != name and first in (other, claim.repeats)]


def outcome(claim: Claim) -> str:
    """The verdict, with the measured statistic if there is one."""
    decided = (claim.verdict or NOT_RUN) + (" (of other weights)" if stale(claim) else "")
    return decided if claim.result is None else f"{decided}: {_measured(claim, claim.result)}"


def counts(claims: Sequence[ClaimView]) -> list[tuple[str, int, int]]:
    """(verdict, claims, claims after the correction), the usual verdicts first."""
    plain, after = (Counter(verdicts) for verdicts in ((c.kind for c in claims), (c.corrected or c.kind for c in claims)))
    usual = ["reproduced", "not reproduced", "inconclusive"]
    return [(verdict, plain[verdict], after[verdict]) for verdict in [*usual, *(set(plain) - set(usual))] if plain[verdict]]


def view(name: str, claim: Claim, correction: Corrected | None = None, others: Sequence[Claim] = ()) -> ClaimView:
    """One claim in words; fields without content are left out. others: the same claim on other networks."""
    result = claim.result
    elsewhere = "; ".join(f"{' and '.join(f'zoo:{model}' for model in other.models)}, {outcome(other)}" for other in others)
    fields = {
        "source": claim.source,
        "compares": reading(claim),
        "holds if": f"{_subject(claim)} lies {claim.holds.side} {_bound(claim)}",
        "measured": "" if result is None else _measured(claim, result),
        "on another network": elsewhere,
        "made of": "" if result is None else _listed(result.parts),
        "protocol": _listed(claim.protocol),
        "notes": claim.notes,
        "again": f"bench claims --run {name}",
    }
    return ClaimView(
        claim.claim,
        (claim.verdict or NOT_RUN) + (" (of other weights)" if stale(claim) else ""),
        [(label, text) for label, text in fields.items() if text],
        name,
        correction.verdict if correction else "",
        correction.adjusted_text if correction else "",
        claim.models,
    )


def reading(claim: Claim) -> str:
    """What the statistic is, and whose figure is taken from whose."""
    quantity = QUANTITIES.get(claim.statistic, claim.statistic.replace("_", " "))
    sides = [f"zoo:{model}" for model in claim.models]
    attacks = claim.protocol.get("attacks")
    if len(sides) == 1 and isinstance(attacks, list) and len(attacks) == 2:
        paths = claim.protocol.get("paths", ["training", "training"])
        quantity = f"{quantity} on {sides[0]}"
        sides = [f"{attack} along {path}" for attack, path in zip(attacks, paths, strict=False)]
    if len(sides) == 2:
        return f"{quantity}: {sides[0]} minus {sides[1]}"
    return f"{quantity}: {', '.join(sides)}"


def _subject(claim: Claim) -> str:
    return "the difference" if " minus " in reading(claim).partition(": ")[2] else "the figure"


def _measured(claim: Claim, result: Result) -> str:
    low, high = (_number(claim, value) for value in (result.low, result.high))
    unit = " points" if claim.statistic in IN_POINTS else ""
    return f"{_number(claim, result.value)}{unit} [{low}, {high}], n = {result.n}"


def _bound(claim: Claim) -> str:
    value = claim.holds.value
    return f"{100 * value:g} points" if claim.statistic in IN_POINTS and value else f"{value:g}"


def _number(claim: Claim, value: float) -> str:
    return points(value) if claim.statistic in IN_POINTS else f"{value:.3g}"


def _listed(values: Mapping[str, object]) -> str:
    return "; ".join(f"{key}: {_text(value)}" for key, value in values.items())


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

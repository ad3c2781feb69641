"""Running claims: each on its own, so that one that cannot be run leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from bench.foundation.errors import BenchError, BoardError, UnknownNameError
from bench.studies.claims import STATISTICS
from bench.studies.claims.claim import Claim, Result, Verdict, read_claims, verdict, write_result
from bench.studies.claims.freshness import present_weights
from bench.studies.claims.lab import Lab
from bench.studies.claims.statistic import Statistic


@dataclass(frozen=True)
class Outcome:
    """What became of one claim: either a result with a verdict, or the reason why there is none."""

    name: str
    result: Result | None = None
    verdict: Verdict | None = None
    error: BenchError | None = None


def statistic_of(name: str, claim: Claim) -> Statistic:
    """The statistic with its protocol. Raises ``BoardError`` for a protocol that does not fit it."""
    module, _, attribute = STATISTICS[claim.statistic].partition(":")
    kind: type[Statistic] = getattr(import_module(module), attribute)
    if len(claim.models) != kind.takes:
        raise BoardError(
            f"The claim {name} names {len(claim.models)} models; {claim.statistic} takes {kind.takes}.", "Correct it."
        )
    try:
        return kind.model_validate(claim.protocol)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BoardError(
            f"The protocol of the claim {name} is malformed ({where}: {first['msg']}).", "Correct it."
        ) from error


def chosen(root: Path, wanted: Sequence[str]) -> dict[str, Claim]:
    """The claims named, or all. Raises for unknown names, and if there are none."""
    claims = read_claims(root)
    if not claims:
        raise BoardError(f"There are no claims in {root}.", "Name the folder of boards with --boards.")
    for name in wanted:
        if name not in claims:
            raise UnknownNameError.of("claim", name, list(claims))
    return {name: claim for name, claim in claims.items() if not wanted or name in wanted}


def run(root: Path, wanted: Sequence[str], lab: Lab) -> Iterator[Outcome]:
    """Measure the claims named (or all) one after the other, and write each result as it comes."""
    for name, claim in chosen(root, wanted).items():
        try:
            found = measured(name, claim, lab)
        except BenchError as error:
            yield Outcome(name, error=error)
            continue
        decided = verdict(claim.holds, found.low, found.high)
        write_result(root, name, found, decided)
        yield Outcome(name, found, decided)


def measured(name: str, claim: Claim, lab: Lab) -> Result:
    """The result of one claim. Raises a ``BenchError`` if a model is missing or cannot be measured."""
    statistic = statistic_of(name, claim)
    for model in claim.models:
        lab.subject(model)  # all of them, before any is evaluated for hours
    lab.used.clear()
    found = statistic.measure(claim.models, lab)
    return Result(
        value=rounded(found.value),
        low=rounded(found.low),
        high=rounded(found.high),
        n=found.n,
        parts=found.parts,
        records=sorted(lab.used),
        weights=present_weights(claim),
    )


def rounded(value: float) -> float:
    """To five decimals, without a negative zero."""
    return round(value, 5) + 0.0

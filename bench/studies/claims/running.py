"""Runs claims one by one, so that a claim that cannot be run does not stop the others."""

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
    """Outcome of one claim: a result with a verdict, or the error that prevented it."""

    name: str
    result: Result | None = None
    verdict: Verdict | None = None
    error: BenchError | None = None


def statistic_of(name: str, claim: Claim) -> Statistic:
    """The statistic of a claim with its protocol. Raises ``BoardError`` for a protocol that does not fit it."""
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


def chosen(root: Path, names: Sequence[str]) -> dict[str, Claim]:
    """The claims named, or all. Raises ``UnknownNameError`` for unknown names, ``BoardError`` if there are no claims."""
    claims = read_claims(root)
    if not claims:
        raise BoardError(f"There are no claims in {root}.", "Name the folder of boards with --boards.")
    for name in names:
        if name not in claims:
            raise UnknownNameError.of("claim", name, list(claims))
    return {name: claim for name, claim in claims.items() if not names or name in names}


def run(root: Path, names: Sequence[str], lab: Lab) -> Iterator[Outcome]:
    """Measure the named claims (or all) one after another, and write each result once it is measured.

    Raises ``UnknownNameError`` for unknown names, ``BoardError`` without claims; the errors of a claim are outcomes.
    """
    for name, claim in chosen(root, names).items():
        try:
            result = measured(name, claim, lab)
        except BenchError as error:
            yield Outcome(name, error=error)
            continue
        decision = verdict(claim.holds, result.low, result.high)
        write_result(root, name, result, decision)
        yield Outcome(name, result, decision)


def measured(name: str, claim: Claim, lab: Lab) -> Result:
    """The result of one claim. Raises a ``BenchError`` if a model is missing or cannot be measured."""
    statistic = statistic_of(name, claim)
    for model in claim.models:
        lab.subject(model)  # all models are opened before the first is evaluated for hours
    lab.used.clear()
    statistic_value = statistic.measure(claim.models, lab)
    return Result(
        value=rounded(statistic_value.value),
        low=rounded(statistic_value.low),
        high=rounded(statistic_value.high),
        n=statistic_value.n,
        parts=statistic_value.parts,
        records=sorted(lab.used),
        weights=present_weights(claim),
    )


def rounded(value: float) -> float:
    """``value`` rounded to five decimals, without a negative zero."""
    return round(value, 5) + 0.0

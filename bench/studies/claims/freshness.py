"""Whether a result is of the weights that models have now. No torch."""

from __future__ import annotations

from bench.studies.claims.claim import Claim
from zoo.card import card, names


def present_weights(claim: Claim) -> dict[str, str]:
    """Model to the start of the sha256 of the weights it has now, for those that have any."""
    found = {model: card(model).weights for model in claim.models if model in names()}
    return {model: weights.sha256[:12] for model, weights in found.items() if weights is not None}


def stale(claim: Claim) -> bool:
    """Whether its result is of other weights than the models have now."""
    return claim.result is not None and claim.result.weights != present_weights(claim)

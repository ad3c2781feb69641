"""Whether a result was measured on the present weights of its models. This module does not import torch."""

from __future__ import annotations

from bench.studies.claims.claim import Claim
from zoo.card import card, names


def present_weights(claim: Claim) -> dict[str, str]:
    """Model to the start of the sha256 of its present weights, for models that have weights."""
    weights_of = {model: card(model).weights for model in claim.models if model in names()}
    return {model: weights.sha256[:12] for model, weights in weights_of.items() if weights is not None}


def stale(claim: Claim) -> bool:
    """Whether the claim has a result that was measured on other weights than the present ones."""
    return claim.result is not None and claim.result.weights != present_weights(claim)

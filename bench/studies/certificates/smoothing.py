"""Answers of a model under Gaussian noise, counted by class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from bench.models.scorer import Scorer


def counts(
    scorer: Scorer,
    x: Tensor,
    rng: KeyedRng,
    *,
    sigma: float,
    draws: int,
    on_draw: Callable[[], None] = lambda: None,
) -> Tensor:
    """``(n, K)`` int64: how often each class is the answer for ``x`` ``(n, ...)`` plus noise of deviation ``sigma``.

    Noisy inputs are not clipped to [0, 1], because the certificate holds for the normal distribution alone. rng: a stream
    per input; a draw depends on its number and on the stream, not on the batch. A stochastic model draws afresh each time:
    the certificate then holds for its mean answer. on_draw: called after each draw.
    """
    found: Tensor | None = None
    for draw in range(draws):
        own = rng.fold("draw", draw)
        noisy = x + sigma * own.fold("noise").normal(*x.shape[1:])
        logits = scorer.logits(noisy, own.fold("answer"))
        hits = torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1])
        found = hits if found is None else found + hits
        on_draw()
    if found is None:
        raise ValueError("counts of no draws")
    return found

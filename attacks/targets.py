"""Choosing the classes that a targeted attack aims at.

The aim steers the search only: a sample counts as broken as soon as it is misclassified at all, because that is what robust
accuracy asks. Whether the aim was hit can be read off the adversarial prediction.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.objectives import Classification
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng

Target = Literal["runner_up", "least_likely", "random", "ranked"]


def targets(oracle: Oracle, target: Target, x: Tensor, rng: KeyedRng) -> Tensor:
    """Classes to aim at for each row of ``x``, in the order of the restarts: ``(n, k)``; one forward is spent on choosing.

    target: ``runner_up`` (the strongest wrong class on the clean input), ``least_likely`` or ``random`` (uniform over
        the wrong classes) with k = 1, or ``ranked``: all wrong classes from the strongest to the weakest on the clean
        input, one per restart, as in APGD-T (Croce and Hein, ICML 2020).
    Raises ``ValueError`` if the objective is one on scores.
    """
    if not isinstance(oracle.objective, Classification):
        raise ValueError("a score has no classes to aim at: leave target out")
    rows = torch.arange(len(x), device=x.device)
    with torch.no_grad():
        logits = torch.cat([oracle.logits(inputs, index) for inputs, index in zip(x.split(64), rows.split(64), strict=True)])
    if target == "random":
        step = 1 + rng.fold("target").integers(logits.shape[1] - 1)
        return ((oracle.labels + step) % logits.shape[1])[:, None]
    true = F.one_hot(oracle.labels, logits.shape[1]).bool()
    ranked = logits.masked_fill(true, -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :-1]
    if target == "runner_up":
        return ranked[:, :1]
    return ranked[:, -1:] if target == "least_likely" else ranked

"""Choosing the class that a targeted attack aims at.

The aim steers the search only: a sample counts as broken as soon as it is misclassified
at all, because that is what robust accuracy asks. Whether the aim was hit can be read off the
adversarial prediction.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.objectives import Classification
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng

Target = Literal["runner_up", "least_likely", "random"]


def aimed(oracle: Oracle, target: Target | None, x: Tensor, rng: KeyedRng) -> Oracle:
    """The same oracle aiming at a class per row; one forward is spent on choosing.

    target: ``runner_up`` (the strongest wrong class on the clean input), ``least_likely``, ``random``
        (uniform over the wrong classes), or None for an untargeted attack.
    Raises ``ValueError`` if the objective is one on scores.
    """
    if target is None:
        return oracle
    if not isinstance(oracle.objective, Classification):
        raise ValueError("a score has no classes to aim at: leave target out")
    rows = torch.arange(len(x), device=x.device)
    with torch.no_grad():
        logits = torch.cat([oracle.logits(a, b) for a, b in zip(x.split(64), rows.split(64), strict=True)])
    true = F.one_hot(oracle.labels, logits.shape[1]).bool()
    if target == "runner_up":
        chosen = logits.masked_fill(true, -torch.inf).argmax(1)
    elif target == "least_likely":
        chosen = logits.masked_fill(true, torch.inf).argmin(1)
    else:
        step = 1 + rng.fold("target").integers(logits.shape[1] - 1)
        chosen = (oracle.labels + step) % logits.shape[1]
    return oracle.using(target=chosen)

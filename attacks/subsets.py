"""Random subsets, each as likely as any other of its size, at a cost that follows the size and not the population."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.randomness import KeyedRng


def random_subset(rng: KeyedRng, sizes: Tensor, population: int) -> Tensor:
    """Mask ``(n, population)`` bool with ``sizes`` ``(n,)`` int64 places in each row, all where more are asked for.

    Places are drawn one by one, and those that were drawn before are passed over. Where most places are wanted, those that
    are left out are drawn instead. A row depends on its stream and size alone.
    """
    sizes = sizes.to(rng.keys.device).clamp(0, population)
    fewer = torch.minimum(sizes, population - sizes)
    draws = int(fewer.max()) * 9 // 8 + 8 if len(fewer) else 0
    while True:
        drawn = _places(rng, draws, population)
        fresh = _first_of_their_value(drawn)
        if bool((fresh.sum(1) >= fewer).all()):
            break
        draws *= 2
    row, column = (fresh & (fresh.cumsum(1) <= fewer[:, None])).nonzero(as_tuple=True)
    mask = torch.zeros(len(sizes), population, dtype=torch.bool, device=drawn.device)
    mask[row, drawn[row, column]] = True
    return mask ^ (fewer < sizes)[:, None]


def _places(rng: KeyedRng, draws: int, population: int) -> Tensor:
    """``(n, draws)`` int64 in ``[0, population)``, of 46 random bits each: 23 favour some of a million places by a fifth."""
    coarse, fine = rng.uniform(draws).double(), rng.fold("finer").uniform(draws).double()
    return ((coarse + (fine - 0.5) * 2.0**-23) * population).long()


def _first_of_their_value(values: Tensor) -> Tensor:
    """``(n, m)`` bool: which of ``values`` ``(n, m)`` do not stand further left in their row too."""
    ordered, order = values.sort(dim=1, stable=True)
    differs = torch.ones_like(ordered, dtype=torch.bool)
    differs[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return torch.zeros_like(differs).scatter(1, order, differs)

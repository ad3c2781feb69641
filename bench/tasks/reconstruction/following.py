"""Does the gradient of the error say anything?

An error changes because the scene does and because the picture does. Where pixels pass gradients straight through and the
camera is without bias, both parts cancel: the picture is said to move exactly as the scene does. What is left is rounding,
although the error still depends on the scene, by its noise and by how spikes are counted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.tasks.reconstruction.admission import shown


def gradient_shares(model: nn.Module, x: Tensor, rng: KeyedRng, *, batch: int) -> list[float | None]:
    """How much of the gradient of the squared error is left, scene by scene ``x`` ``(n, ...)``, in one draw.

    The l1 norm of the gradient over that of the part which is due to the scene alone, ``2 (scene - picture)``. 1 for a
    picture that does not depend on the scene; 0 where there is no error; None where no gradient reaches the scene, or one
    that is not finite. batch: scenes of a call.
    """
    shares: list[float | None] = []
    for rows in torch.arange(len(x), device=x.device).split(batch):
        leaf = x[rows].clone().requires_grad_()
        with drawing(rng.rows(rows).fold("score", 0)):
            pictures = model(leaf)
        if not pictures.requires_grad:
            shares += [None] * len(rows)
            continue
        departure = pictures - shown(leaf)
        (gradient,) = torch.autograd.grad(departure.square().sum(), leaf)
        left, whole = (part.detach().flatten(1).abs().sum(1) for part in (gradient, 2 * departure))
        share = torch.where(whole > 0, left / whole, torch.zeros_like(left))
        shares += [value if math.isfinite(value) else None for value in share.tolist()]
    return shares

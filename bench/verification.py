"""Trusting no attack: is a returned input inside the ball, inside the box, and what survives 8 bits?"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from attacks.threat import Threat, row_norm

TOLERANCE = 1e-6
"""Absolute slack on the radius and the box, in input units: the rounding of float32 near 1."""


def norms(adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Size of each row's perturbation ``(n,)`` in the threat's norm, in float64."""
    return row_norm(adv.double() - x.double(), threat.norm)


def statuses(adv: Tensor, x: Tensor, threat: Threat) -> list[str]:
    """Per row: ``ok``, ``out_of_ball`` or ``out_of_box`` (a NaN anywhere is out of the box)."""
    radius = threat.radius(x.double()).flatten()
    outside_ball = norms(adv, x, threat) > radius + TOLERANCE
    flat = adv.flatten(1)
    inside_box = ((flat >= threat.low - TOLERANCE) & (flat <= threat.high + TOLERANCE)).all(1)
    return [
        "out_of_box" if not box else "out_of_ball" if ball else "ok"
        for ball, box in zip(outside_ball.tolist(), inside_box.tolist(), strict=True)
    ]


def eight_bit(adv: Tensor, x: Tensor) -> Tensor:
    """Each entry rounded to a multiple of 1/255 *towards* the clean value, so that no norm grows.

    Rounding to the nearest could leave an linf ball whose radius is no multiple of 1/255. An entry
    whose clean value lies between it and the next multiple takes the clean value.
    """
    levels = adv.double() * 255
    # An entry that is a level must stay one, although float32 stores k/255 inexactly and adds with errors: up to
    # 1e-4 levels (4e-7, within TOLERANCE) count as none.
    near = levels.round()
    exact = (levels - near).abs() < 1e-4
    down = torch.where(exact, near, levels.floor())
    up = torch.where(exact, near, levels.ceil())
    clean = x.double()
    rounded = torch.where(adv >= x, torch.maximum(down / 255, clean), torch.minimum(up / 255, clean))
    return rounded.to(adv.dtype)


def sha256_rows(images: Tensor) -> list[str]:
    """Of each image's bytes, the first 16 digits."""
    return [hashlib.sha256(image.cpu().numpy().tobytes()).hexdigest()[:16] for image in images]

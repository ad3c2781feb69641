"""Verifies what an attack returns: whether each input lies inside the ball and inside the box."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from attacks.rows import per_row
from attacks.threats.threat import Threat

TOLERANCE = 1e-6
"""Absolute slack on the radius and the box, in input units: the rounding of float32 near 1."""


def norms(adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Size of each row's perturbation ``(n,)`` as the threat measures it, in float64."""
    return threat.distance(adv.double(), x.double())


def statuses(adv: Tensor, x: Tensor, threat: Threat) -> list[str]:
    """Per row of ``adv`` and ``x`` ``(n, ...)``:

    ``ok``, ``out_of_ball`` or ``out_of_box`` (an input with a NaN is out of the box).
    """
    radius = threat.radius(x.double()).flatten()
    outside_ball = norms(adv, x, threat) > radius + TOLERANCE
    inside_box = threat.in_box(adv, slack=TOLERANCE)
    return [
        "out_of_box" if not box else "out_of_ball" if ball else "ok"
        for ball, box in zip(outside_ball.tolist(), inside_box.tolist(), strict=True)
    ]


def with_clean_instead(adv: Tensor, x: Tensor, threat: Threat) -> tuple[list[str], Tensor]:
    """The :func:`statuses` of ``adv`` ``(n, ...)``, and ``adv`` with the clean input of ``x`` where one is not ``ok``."""
    status = statuses(adv, x, threat)
    usable = torch.tensor([word == "ok" for word in status], device=x.device)
    return status, torch.where(per_row(usable, x), adv, x)


def sha256_rows(images: Tensor) -> list[str]:
    """First 16 digits of the sha256 of the bytes of each image of ``(n, ...)``."""
    return [hashlib.sha256(image.cpu().numpy().tobytes()).hexdigest()[:16] for image in images]

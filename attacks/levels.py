"""Images of 8 bits: every entry a multiple of 1/255.

What is stored as a picture is one. A perturbation of a few levels does not survive rounding unless it was searched for
among such images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.rows import per_row
from attacks.threats.threat import Threat

NONE = 1e-4
"""Float32 stores k/255 inexactly and adds with errors: a distance of up to so many levels (4e-7) counts as none."""


def towards_clean(adv: Tensor, x: Tensor) -> Tensor:
    """Each entry rounded to a multiple of 1/255 *towards* the clean value, so that no norm grows (by more than 4e-7).

    Rounding to the nearest could leave an linf ball whose radius is no multiple of 1/255. An entry
    whose clean value lies between it and the next multiple takes the clean value.
    """
    levels = adv.double() * 255
    near = levels.round()
    exact = (levels - near).abs() < NONE
    down = torch.where(exact, near, levels.floor())
    up = torch.where(exact, near, levels.ceil())
    clean = x.double()
    rounded = torch.where(adv >= x, torch.maximum(down / 255, clean), torch.minimum(up / 255, clean))
    return rounded.to(adv.dtype)


def nearest(adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """``adv`` ``(n, ...)`` at the nearest multiples of 1/255 that the ball around ``x`` and the box allow.

    Where entries depend on each other, as in l2, a row that this takes out of the ball is rounded towards the clean
    values instead.
    """
    levels = (adv.double() * 255).round()
    clean = x.double()
    bounds = threat.bounds(clean)
    if bounds is not None:
        low, high = (bounds[0] * 255 - NONE).ceil(), (bounds[1] * 255 + NONE).floor()
        rounded = (torch.maximum(torch.minimum(levels, high), low) / 255).to(adv.dtype)
        return torch.where(low <= high, rounded, x)
    rounded = (levels / 255).clamp(threat.low, threat.high).to(adv.dtype)
    inside = threat.distance(rounded.double(), clean) <= threat.radius(clean).flatten()
    return torch.where(per_row(inside, x), rounded, towards_clean(adv, x))

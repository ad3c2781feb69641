"""Back into the ball and the box.

For linf the intersection of ball and box is a box, so clamping is the exact
projection. For l2, scaling into the ball and then clamping into the box stays in
both (clamping towards a box that contains the centre never lengthens the
perturbation); it is feasible, not the nearest feasible point, as in every library.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.threat import Threat, per_row, row_norm


def project(adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Nearest feasible point (linf), or a feasible one (l2), for each row.

    adv, x: ``(n, ...)``. Returns a new tensor of the same shape.
    """
    eps = threat.radius(x)
    if threat.norm == "linf":
        low = (x - eps).clamp_min(threat.low)
        high = (x + eps).clamp_max(threat.high)
        return torch.maximum(torch.minimum(adv, high), low)
    delta = adv - x
    length = per_row(row_norm(delta, "l2"), x)
    scale = torch.where(length > eps, eps / length.clamp_min(torch.finfo(x.dtype).tiny), 1.0)
    return (x + delta * scale).clamp(threat.low, threat.high)


def steepest(gradient: Tensor, threat: Threat) -> Tensor:
    """Unit step of steepest ascent in the threat's norm: sign (linf) or normalised (l2).

    A row whose gradient is zero stays zero: it has no direction. Gradients of confident models are so
    small (and exploding ones so large) that their squares leave the range of float32: hence the scaling.
    """
    if threat.norm == "linf":
        return gradient.sign()
    tiny = torch.finfo(gradient.dtype).tiny
    scaled = gradient / per_row(row_norm(gradient, "linf"), gradient).clamp_min(tiny)
    return scaled / per_row(row_norm(scaled, "l2"), gradient).clamp_min(tiny)

"""Gradient magnitude similarity deviation (Xue, Zhang, Mou, Bovik, IEEE TIP 2014, arXiv:1308.3052)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.fullreference.maps import channels, check_pair, gradient_magnitude, halve, similarity

_LUMA = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_CONSTANT = 170.0


def gmsd(reference: NDArray[np.float64], distorted: NDArray[np.float64]) -> float:
    """Deviation of the gradient similarity of two images (H, W, 3) in [0,1]: 0 for equal images, larger is worse.

    Colour is ignored. Raises ``ValueError`` for arrays that are not two such images of one shape.
    """
    check_pair(reference, distorted)
    first, second = (gradient_magnitude(halve(channels(image, _LUMA)[0])) for image in (reference, distorted))
    return float(similarity(first, second, _CONSTANT).std())

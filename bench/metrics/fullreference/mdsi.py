"""Mean deviation similarity index (Nafchi, Shahkolaei, Hedjam, Cheriet, IEEE Access 2016, arXiv:1608.07433)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.fullreference.maps import channels, check_pair, gradient_magnitude, similarity

_LHM = np.array([[0.2989, 0.5870, 0.1140], [0.30, 0.04, -0.35], [0.34, -0.60, 0.17]])
_C1, _C2, _C3 = 140.0, 55.0, 550.0
_ALPHA, _POWER = 0.6, 0.25


def mdsi(reference: NDArray[np.float64], distorted: NDArray[np.float64]) -> float:
    """Deviation of gradient and colour similarity, equations 4 to 10: 0 for equal images, larger is worse.

    The paper first shrinks images of more than 384 pixels a side; here larger images are not shrunk. Images are (H, W, 3)
    in [0,1]. Raises ``ValueError`` for arrays that are not two such images of one shape.
    """
    check_pair(reference, distorted)
    (l_r, h_r, m_r), (l_d, h_d, m_d) = channels(reference, _LHM), channels(distorted, _LHM)
    g_r, g_d, g_f = (gradient_magnitude(light) for light in (l_r, l_d, (l_r + l_d) / 2))
    gradients = similarity(g_r, g_d, _C1) + similarity(g_d, g_f, _C2) - similarity(g_r, g_f, _C2)
    colours = (2 * (h_r * h_d + m_r * m_d) + _C3) / (h_r**2 + h_d**2 + m_r**2 + m_d**2 + _C3)
    combined = _ALPHA * gradients + (1 - _ALPHA) * colours
    # Complex, because the similarity of gradients can fall below 0.
    rooted = combined.astype(np.complex128) ** _POWER
    return float(np.abs(rooted - rooted.mean()).mean() ** _POWER)

"""Haar wavelet-based perceptual similarity (Reisenhofer, Bosse, Kutyniok, Wiegand, Signal Processing: Image Comm. 2018)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from bench.metrics.fullreference.maps import Map, channels, check_pair, halve, similarity

_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_C, _ALPHA = 30.0, 4.2


def haarpsi(reference: NDArray[np.float64], distorted: NDArray[np.float64]) -> float:
    """Similarity of Haar coefficients and colours of two images (H, W, 3) in [0,1]: in (0,1], 1 for equal images.

    Coarse coefficients are the weights. Raises ``ValueError`` for arrays that are not two such images of one shape.
    """
    check_pair(reference, distorted)
    y_r, i_r, q_r = (halve(channel) for channel in channels(reference, _YIQ))
    y_d, i_d, q_d = (halve(channel) for channel in channels(distorted, _YIQ))
    similarities, weights = [], []
    for axis in (0, 1):
        fine_r, fine_d = ([_haar(y, scale, axis) for scale in (1, 2)] for y in (y_r, y_d))
        similarities.append(sum(similarity(r, d, _C) for r, d in zip(fine_r, fine_d, strict=True)) / 2)
        weights.append(np.maximum(_haar(y_r, 3, axis), _haar(y_d, 3, axis)))
    colour = [similarity(_box(r), _box(d), _C) for r, d in ((i_r, i_d), (q_r, q_d))]
    similarities.append(sum(colour) / 2)
    weights.append((weights[0] + weights[1]) / 2)
    weight = np.stack(weights)
    if weight.sum() == 0:  # neither image has any structure: only their colours can differ
        weight = np.ones_like(weight)
    mean = float((special.expit(_ALPHA * np.stack(similarities)) * weight).sum() / weight.sum())
    return float(special.logit(mean) / _ALPHA) ** 2


def _haar(image: Map, scale: int, axis: int) -> Map:
    """Magnitude of the Haar coefficients of side 2^scale, filters scaled to 2^-scale; zeros outside."""
    side = 2**scale
    step = np.concatenate([np.ones(side // 2), -np.ones(side // 2)]) / side
    along = ndimage.convolve1d(image, step, axis, mode="constant")
    return np.abs(ndimage.convolve1d(along, np.ones(side), 1 - axis, mode="constant"))


def _box(image: Map) -> Map:
    """Magnitude of the means of 2 x 2 neighbours; zeros outside."""
    box = np.full(2, 0.5)
    once = ndimage.convolve1d(image, box, 0, mode="constant")
    return np.abs(ndimage.convolve1d(once, box, 1, mode="constant"))

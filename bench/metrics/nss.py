"""The hand-crafted baseline for quality models: natural-scene statistics and a support-vector regressor.

Features are BRISQUE's (Mittal, Moorthy, Bovik, IEEE TIP 2012): the distribution of mean-subtracted contrast-normalised
(MSCN) luma and of products of neighbours, at two scales, 36 numbers. A learned model should beat them by a clear
margin. The regressor is scikit-learn's (``pip install spikebench[quality]``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from bench.foundation.errors import BenchError
from bench.metrics import quality
from bench.metrics.statistics import Estimate

if TYPE_CHECKING:
    from bench.data.base import Samples

Floats = NDArray[np.float64]

_SIGMA, _REACH = 7 / 6, 3
_SHAPES = np.arange(0.2, 10.001, 0.001)
_GAMMA_1, _GAMMA_2, _GAMMA_3 = (special.gammaln(k / _SHAPES) for k in (1, 2, 3))
_RATIOS = np.exp(2 * _GAMMA_2 - _GAMMA_1 - _GAMMA_3)
"""(E|x|)^2 / E[x^2] of a generalised Gaussian, by shape; increasing."""


def features(pixels: NDArray[np.uint8]) -> Floats:
    """Features (N, 36) of uint8 images (N, 3, H, W). Raises ``ValueError`` for other arrays or sides below 16 pixels."""
    if pixels.ndim != 4 or pixels.shape[1] != 3 or min(pixels.shape[2:]) < 16:
        raise ValueError(f"features take uint8 images (N, 3, H, W) of at least 16 pixels a side, got {pixels.shape}")
    light = np.einsum("c,nchw->nhw", (0.299, 0.587, 0.114), pixels.astype(np.float64))
    half = light[:, : light.shape[1] // 2 * 2, : light.shape[2] // 2 * 2]
    half = half.reshape(len(half), half.shape[1] // 2, 2, half.shape[2] // 2, 2).mean((2, 4))
    return np.stack([np.concatenate([_scale(mscn(luma)) for luma in pair]) for pair in zip(light, half, strict=True)])


def mscn(light: Floats) -> Floats:
    """Mean-subtracted contrast-normalised coefficients of luma (H, W) in 0 to 255."""
    mean = ndimage.gaussian_filter(light, _SIGMA, mode="nearest", radius=_REACH)
    variance = ndimage.gaussian_filter(light**2, _SIGMA, mode="nearest", radius=_REACH) - mean**2
    result: Floats = (light - mean) / (np.sqrt(np.maximum(variance, 0)) + 1)
    return result


def generalised_gaussian(values: Floats) -> tuple[float, float]:
    """Shape and variance of ``values`` (any shape) by moment matching; a constant sample has the largest shape."""
    variance = float((values**2).mean())
    return (_shape(float(np.abs(values).mean()) ** 2 / variance) if variance > 0 else float(_SHAPES[-1])), variance


def asymmetric_gaussian(values: Floats) -> tuple[float, float, float, float]:
    """Shape, mean, left and right variance of ``values`` (any shape) by moment matching.

    Source: Lasmar, Stitou and Berthoumieu, ICIP 2009.
    """
    left, right = (_deviation(side) for side in (values[values < 0], values[values > 0]))
    second = float((values**2).mean())
    if second == 0:
        return float(_SHAPES[-1]), 0.0, 0.0, 0.0
    balance = left / right if right > 0 else 1.0
    ratio = float(np.abs(values).mean()) ** 2 / second * (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
    shape = _shape(ratio)
    log_1, log_2, log_3 = (float(special.gammaln(k / shape)) for k in (1, 2, 3))
    mean = (right - left) * float(np.exp(log_2 - 0.5 * (log_1 + log_3)))
    return shape, mean, left**2, right**2


def _scale(coefficients: Floats) -> Floats:
    """The 18 features of one scale, from its coefficients (H, W)."""
    numbers = [*generalised_gaussian(coefficients)]
    across, down = coefficients[:, 1:] * coefficients[:, :-1], coefficients[1:] * coefficients[:-1]
    diagonal, antidiagonal = coefficients[1:, 1:] * coefficients[:-1, :-1], coefficients[1:, :-1] * coefficients[:-1, 1:]
    for products in (across, down, diagonal, antidiagonal):
        numbers += asymmetric_gaussian(products)
    return np.array(numbers)


def _shape(ratio: float) -> float:
    return float(_SHAPES[min(int(np.searchsorted(_RATIOS, ratio)), len(_SHAPES) - 1)])


def _deviation(values: Floats) -> float:
    return float(np.sqrt((values**2).mean())) if len(values) else 0.0


@dataclass(frozen=True)
class Baseline:
    """Scores (N,) of the test images by the baseline, and their rank correlation with the (pseudo-)MOS."""

    scores: Floats
    srcc: Estimate
    chosen: tuple[float, float]
    """C and gamma, chosen by SRCC on validation."""


GRID = tuple((c, gamma) for c in (0.1, 0.3, 1.0, 3.0, 10.0) for gamma in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0))


def fit_baseline(train: Samples, val: Samples, test: Samples) -> Baseline:
    """Fit on ``train``, choose C and gamma on ``val``, report on ``test`` with an interval over its references.

    Raises ``BenchError`` if scikit-learn is not installed.
    """
    try:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVR
    except ImportError as error:
        raise BenchError("The baseline needs scikit-learn.", "Install it: pip install 'spikebench[quality]'") from error
    x, x_val, x_test = (features(part.pixels.numpy()) for part in (train, val, test))
    y, y_val, y_test = (part.labels.numpy().astype(np.float64) for part in (train, val, test))
    unit_weights = np.ones((1, len(y_val)))
    best: tuple[float, tuple[float, float], Floats] | None = None
    for c, gamma in GRID:
        model = make_pipeline(StandardScaler(), SVR(C=c, gamma=gamma, epsilon=0.05)).fit(x, y)
        correlation = float(quality.srcc(model.predict(x_val), y_val)(unit_weights)[0])
        if best is None or correlation > best[0]:
            best = correlation, (c, gamma), model.predict(x_test)
    if best is None:
        raise ValueError("the grid of the baseline is empty")
    groups = None if test.groups is None else test.groups.numpy()
    return Baseline(best[2], quality.estimate(quality.srcc(best[2], y_test), len(y_test), groups=groups), best[1])

"""The fidelity of pictures to their scenes, averaged over the draws of a stochastic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attacks.randomness import KeyedRng
from attacks.ssim import ssim
from bench.foundation.errors import ModelError
from bench.metrics.statistics import Floats
from bench.models.scorer import Scorer
from bench.tasks.reconstruction.admission import shown, squared_errors

LARGEST = 100.0
"""PSNR in dB of a picture without error, for which it would be infinite; a hundredth of an 8-bit level gives 88."""
WINDOW = 11
"""Side of the window of SSIM; smaller pictures have a smaller one, of an odd number of pixels."""


@dataclass(frozen=True)
class Fidelity:
    """Of n pictures: float64 ``(n,)`` each, on the CPU.

    error: mean square over pixels and draws. ssim: mean over draws.
    """

    error: Tensor
    ssim: Tensor

    @property
    def psnr(self) -> Tensor:
        """Peak signal-to-noise ratio of the mean error in dB, for scenes in [0, 1]; at most :data:`LARGEST`."""
        return torch.from_numpy(decibels(self.error.cpu().numpy()))


def decibels(errors: Floats) -> Floats:
    """PSNR ``(n,)`` of mean squared errors ``(n,)`` of pictures in [0, 1], at most :data:`LARGEST`."""
    limited: Floats = -10 * np.log10(np.maximum(errors, 10 ** (-LARGEST / 10)))
    return limited


def fidelity(scorer: Scorer, x: Tensor, rng: KeyedRng, *, batch: int | None = None) -> Fidelity:
    """The fidelity of the scorer's pictures of scenes ``x`` ``(n, ...)``, each compared with its own scene.

    rng: one stream per scene. batch: see :meth:`Scorer.pictures`. Raises ``ModelError`` for pictures of another shape.
    """
    scenes = shown(x).double()
    error, similarity = (torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in range(2))
    for draw in range(scorer.draws):
        pictures = scorer.pictures(x, rng.fold("score", draw), batch=batch).double()
        try:
            error += squared_errors(pictures, scenes)
        except ValueError as problem:
            fix = "Let forward(x) return pictures (N, C, H, W) of the size of the scene."
            raise ModelError(f"{scorer.name} does not reconstruct its scenes: {problem}.", fix) from problem
        similarity += ssim(pictures, scenes, window=_window(scenes))
    return Fidelity((error / scorer.draws).cpu(), (similarity / scorer.draws).cpu())


def _window(scenes: Tensor) -> int:
    height, width = scenes.shape[2:]
    smallest = min(WINDOW, height, width)
    return smallest - 1 + smallest % 2

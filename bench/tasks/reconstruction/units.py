"""Results of the units of a model that reconstructs. Errors are mean squared ones, PSNR is in dB."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.objectives import Objective
from bench.tasks.unit import CleanAnswers, NoiseAnswers, StageOutcome


@dataclass(frozen=True, kw_only=True)
class CleanPictures(CleanAnswers):
    """Fidelity of the pictures of a shard of n clean scenes, as lists of length n.

    gradient_share: see :func:`bench.tasks.reconstruction.following.gradient_shares`.
    """

    error: list[float]
    psnr: list[float]
    ssim: list[float]
    gradient_share: list[float | None]


@dataclass(frozen=True, kw_only=True)
class NoisyPictures(NoiseAnswers):
    """PSNR under noise in ``first`` and ``worst``, each against the noisy scene; the worst one is the lowest.

    ssim: ``(n,)``, under the first draw.
    """

    ssim: list[float]


@dataclass(frozen=True, kw_only=True)
class PictureOutcome(StageOutcome):
    """The outcome of one stage for the pictures of m rows, each against the attacked scene.

    error: by which the worst of several stages is chosen. psnr, ssim: reported; for a stochastic model from other draws than
    ``error``. psnr_8bit: after rounding the scene to 8 bits.
    """

    error: list[float]
    psnr: list[float]
    ssim: list[float]
    psnr_8bit: list[float]

    def headway(self, objective: Objective | None) -> list[float]:
        """The error, which every stage raises. See the base."""
        return self.error

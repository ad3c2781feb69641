"""The 25 distortions of KADID-10k (Lin, Hosu, Saupe, QoMEX 2019) at five levels each, fixed once.

Numbers are the identifiers of KADID-10k, levels run from 1 (weakest) to 5. Levels that leave an image as it is
in the published generator are replaced by the mildest visible step (Gaussian blur 0.1 by 0.4, motion 1 by 1.5,
saturation 1 by 1.5, mean shift 0 by 0.04), and the lists of mean shift and contrast are sorted by strength.
Results are clipped to [0,1], where the published generator stretches before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attacks.randomness import KeyedRng
from bench.data.distortions import LEVELS, blur, brightness, colour, compression, noise, sharpness, spatial
from bench.data.distortions.spaces import Image


@dataclass(frozen=True)
class Distortion:
    """One kind. amounts: the parameter of its function at levels 1 to 5."""

    name: str
    family: str
    function: Callable[[Image, float, KeyedRng], Image]
    amounts: tuple[float, float, float, float, float]

    def __call__(self, image: Image, level: int, rng: KeyedRng) -> Image:
        """The distorted image, (H, W, 3) in [0,1]. level: 1 to 5. rng: one row. Raises ``ValueError`` otherwise."""
        if not 1 <= level <= LEVELS:
            raise ValueError(f"a level is from 1 to {LEVELS}, got {level}")
        if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 32:
            raise ValueError(f"a distortion takes images (H, W, 3) of at least 32 pixels a side, got {image.shape}")
        return self.function(image, self.amounts[level - 1], rng.fold(self.name))


def _fixed(function: Callable[[Image, float], Image]) -> Callable[[Image, float, KeyedRng], Image]:
    """A function that draws nothing, under the signature of those that do."""
    return lambda image, amount, _: function(image, amount)


DISTORTIONS: tuple[Distortion, ...] = (
    Distortion("gaussian_blur", "blur", _fixed(blur.gaussian_blur), (0.4, 0.5, 1, 2, 5)),
    Distortion("lens_blur", "blur", _fixed(blur.lens_blur), (1, 2, 4, 6, 8)),
    Distortion("motion_blur", "blur", blur.motion_blur, (1.5, 2, 4, 6, 10)),
    Distortion("colour_diffusion", "colour", _fixed(colour.colour_diffusion), (1, 3, 6, 8, 12)),
    Distortion("colour_shift", "colour", colour.colour_shift, (1, 3, 6, 8, 12)),
    Distortion("colour_quantisation", "colour", _fixed(colour.colour_quantisation), (64, 48, 32, 16, 8)),
    Distortion("saturation_hsv", "colour", _fixed(colour.saturation_hsv), (0.4, 0.2, 0.1, 0, -0.4)),
    Distortion("saturation_lab", "colour", _fixed(colour.saturation_lab), (1.5, 2, 3, 6, 9)),
    Distortion("jpeg2000", "compression", _fixed(compression.jpeg2000), (16, 32, 45, 120, 400)),
    Distortion("jpeg", "compression", _fixed(compression.jpeg), (43, 36, 24, 7, 4)),
    Distortion("white_noise", "noise", noise.white_noise, (0.001, 0.002, 0.003, 0.005, 0.01)),
    Distortion("white_noise_ycbcr", "noise", noise.white_noise_ycbcr, (0.0001, 0.0005, 0.001, 0.002, 0.003)),
    Distortion("impulse_noise", "noise", noise.impulse_noise, (0.001, 0.005, 0.01, 0.02, 0.03)),
    Distortion("multiplicative_noise", "noise", noise.multiplicative_noise, (0.001, 0.005, 0.01, 0.02, 0.05)),
    Distortion("denoised", "noise", noise.denoised, (0.01, 0.03, 0.05, 0.1, 0.15)),
    Distortion("brighten", "brightness", _fixed(brightness.brighten), (0.1, 0.2, 0.4, 0.7, 1.1)),
    Distortion("darken", "brightness", _fixed(brightness.darken), (0.05, 0.1, 0.2, 0.4, 0.8)),
    Distortion("mean_shift", "brightness", _fixed(brightness.mean_shift), (0.04, 0.08, -0.08, 0.15, -0.15)),
    Distortion("jitter", "spatial", spatial.jitter, (0.05, 0.1, 0.2, 0.5, 1)),
    Distortion("misplaced_patches", "spatial", spatial.misplaced_patches, (20, 40, 60, 80, 100)),
    Distortion("pixelate", "spatial", _fixed(spatial.pixelate), (0.01, 0.05, 0.1, 0.2, 0.5)),
    Distortion("quantisation", "spatial", _fixed(spatial.quantisation), (20, 16, 13, 10, 7)),
    Distortion("colour_blocks", "spatial", spatial.colour_blocks, (2, 4, 6, 8, 10)),
    Distortion("sharpen", "sharpness", _fixed(sharpness.sharpen), (1, 2, 3, 6, 12)),
    Distortion("contrast", "sharpness", _fixed(sharpness.contrast), (0, 0.15, -0.4, 0.3, -0.6)),
)
"""Kind ``k`` of KADID-10k is ``DISTORTIONS[k - 1]``."""

NAMES = tuple(each.name for each in DISTORTIONS)

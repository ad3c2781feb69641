"""PSNR and SSIM against scikit-image, on pictures that a spike camera gave."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.cameras.fidelity import psnr, ssim
from zoo.cameras.reconstruction import TFP
from zoo.cameras.spike_camera import SpikeCamera

metrics = pytest.importorskip("skimage.metrics")


def test_fidelity_of_reconstructions() -> None:
    scenes = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scenes = torch.nn.functional.avg_pool2d(scenes, 5, 1, 2)
    pictures = TFP()(SpikeCamera(ticks=15, initial=0.5)(scenes))
    noise, similarity = psnr(pictures, scenes), ssim(pictures, scenes)
    for index in range(3):
        picture, scene = pictures[index, 0].numpy(), scenes[index, 0].numpy()
        np.testing.assert_allclose(noise[index], metrics.peak_signal_noise_ratio(scene, picture, data_range=1))
        expected = metrics.structural_similarity(
            scene, picture, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )[1][5:-5, 5:-5].mean()
        np.testing.assert_allclose(similarity[index], expected, rtol=1e-6)
    assert (noise > 20).all() and torch.isinf(psnr(scenes, scenes)).all()


def test_pictures_of_different_shapes() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        psnr(torch.zeros(2, 1, 4, 4), torch.zeros(1, 1, 4, 4))

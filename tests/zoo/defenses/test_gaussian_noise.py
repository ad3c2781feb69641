"""Noise training: half the loss is that of clean images, half that of noisy ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zoo.defenses.gaussian_noise import GaussianNoise, noisy

X = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1])


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 3)).train()


def test_the_noise_has_the_given_standard_deviation_and_leaves_the_box() -> None:
    x = torch.zeros(10, 3, 64, 64)
    noise = noisy(x, 0.03, torch.Generator().manual_seed(0))
    assert float(noise.std()) == pytest.approx(0.03, rel=0.01) and abs(float(noise.mean())) < 0.001
    assert torch.equal(noise, noisy(x, 0.03, torch.Generator().manual_seed(0)))
    assert float(noise.min()) < 0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_loss_mixes_two_forwards_with_statistics_of_their_own(share: float) -> None:
    found, logits = GaussianNoise(std=0.5, share=share).loss(model(), X, Y, generator=torch.Generator().manual_seed(1))
    twin = model()
    clean = twin(X)
    other = twin(X + 0.5 * torch.randn(X.shape, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(logits, clean)
    torch.testing.assert_close(found, share * F.cross_entropy(clean, Y) + (1 - share) * F.cross_entropy(other, Y))


@pytest.mark.parametrize("wrong", [{"std": -0.1}, {"share": 1.5}, {"share": -0.1}])
def test_refuses_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        GaussianNoise(**wrong)

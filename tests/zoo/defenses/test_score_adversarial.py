"""Adversarial training of scores: the images it makes and the labels it corrects."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from attacks.ssim import ssim
from zoo.defenses.score_adversarial import ScoreAdversarialTraining

Y = torch.tensor([0.9, 0.1, 0.5, 0.02])


class Small(nn.Module):
    """A network with BatchNorm, so that modes and statistics matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 18 * 18, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)[:, 0]


def images() -> Tensor:
    return torch.rand(4, 3, 20, 20, generator=torch.Generator().manual_seed(0))


def test_images_stay_in_ball_and_box_and_raise_the_loss() -> None:
    model, x = Small().train(), images()
    defense = ScoreAdversarialTraining()
    adv = defense.craft(model, x, Y)
    assert ((adv - x).abs() <= 4 / 255 + 1e-6).all() and adv.min() >= 0 and adv.max() <= 1
    assert model.training and model.body[1].num_batches_tracked == 0
    model.eval()
    assert ((model(adv) - Y).abs() > (model(x) - Y).abs()).all()
    inside = (x > 4 / 255) & (x < 1 - 4 / 255)
    # One step of 5/255 from the clean image ends on the surface wherever there is a gradient and no wall.
    assert ((adv - x).abs()[inside] > 4 / 255 - 1e-6).float().mean() > 0.99


def test_labels_fall_by_what_ssim_sees() -> None:
    x = images()
    adv = (x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    lost = 1 - ssim(adv, x)
    found = ScoreAdversarialTraining(penalty=0.5).corrected(x, adv, Y)
    torch.testing.assert_close(found, (Y - 0.5 * lost).clamp(0, 1))
    assert (found < Y).all() and (found >= 0).all() and found[3] == 0 < Y[3]
    assert torch.equal(ScoreAdversarialTraining().corrected(x, x, Y), Y)


def test_loss_is_over_clean_and_adversarial_images_with_their_own_labels() -> None:
    model, x = Small().train(), images()
    defense = ScoreAdversarialTraining(penalty=0.5)
    adv = defense.craft(model, x, Y)
    loss, scores = defense.loss(model, x, Y, generator=torch.Generator())
    both = model(torch.cat([x, adv]))
    labels = torch.cat([Y, defense.corrected(x, adv, Y)])
    torch.testing.assert_close(loss, (both - labels).abs().mean())
    torch.testing.assert_close(scores, both[:4])


def test_unknown_base() -> None:
    with pytest.raises(ValueError, match="unknown base 'ce'"):
        ScoreAdversarialTraining(base="ce")

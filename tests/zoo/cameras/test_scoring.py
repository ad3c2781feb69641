"""A score of what a camera shows: it repeats, is that of the picture, and has a gradient that reaches the scene."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.cameras.scoring import ScoreThroughPictures, score_through_pictures
from zoo.card import card

NETWORK: dict[str, Any] = {"name": "linearity", "arguments": {"widths": (4, 4, 4, 4), "hidden": 4, "features": 4}}
CAMERA: dict[str, Any] = {"ticks": 16, "gain": 0.9, "initial": 0.5, "jitter": 0.02}


def scorer(**camera: Any) -> ScoreThroughPictures:
    torch.manual_seed(0)
    model = score_through_pictures(camera=CAMERA | camera, network=NETWORK).eval()
    assert isinstance(model, ScoreThroughPictures)
    return model


def scenes(n: int = 3) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_scores_repeat_and_are_those_of_the_picture() -> None:
    model, x = scorer(), scenes()
    with torch.no_grad():
        scores = model(x)
        assert scores.shape == (3,) and torch.equal(model(x), scores)
        picture = model.reconstruction(model.camera(x)).clamp(0, 1)
        assert torch.equal(model.network(picture), scores)
        torch.testing.assert_close(model(x[:, None].expand(3, 16, 3, 32, 32)), scores)


def test_more_ticks_show_more_of_the_scene() -> None:
    x = scenes()
    with torch.no_grad():
        few, many = (
            (model.reconstruction(model.camera(x)) - x).square().mean()
            for model in (scorer(ticks=8, jitter=0.0), scorer(ticks=128, jitter=0.0))
        )
    assert float(many) < float(few) / 10


def test_a_gradient_reaches_the_scene() -> None:
    model, x = scorer(), scenes().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert gradient.isfinite().all() and bool((gradient.flatten(1).abs().sum(1) > 0).all())


@pytest.mark.parametrize("noise", [{"initial": None}, {"photons": 50.0}, {"spurious": 0.01}])
def test_a_camera_with_noise_is_refused(noise: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a score must repeat"):
        scorer(**noise)


def test_the_model_of_the_zoo_is_behind_a_camera() -> None:
    described = card("cam_tfp_iqa")
    assert described.behind_camera and described.task == "quality" and not described.stochastic

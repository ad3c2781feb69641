"""Purifiers against references that are computed otherwise, and their place in a model."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo.card import Part, card
from zoo.loading import build
from zoo.quality.base import QualityModel
from zoo.quality.purifiers import Blur, Jpeg, Resize, purifier


def photograph(height: int = 40, width: int = 48, seed: int = 0) -> Tensor:
    """Smooth colours with some noise, in whole levels: ``(1, 3, H, W)`` in [0, 1], float64."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    planes = torch.stack([0.2 + 0.6 * rows, 0.5 + 0.3 * torch.sin(6 * columns), 0.7 - 0.4 * rows * columns])
    noise = 0.03 * torch.randn(3, height, width, generator=torch.Generator().manual_seed(seed))
    return ((planes + noise).clamp(0, 1) * 255).round().double().div(255)[None]


def by_pillow(x: Tensor, quality: int) -> Tensor:
    pixels = (x[0] * 255).round().byte().permute(1, 2, 0).numpy()
    coded = io.BytesIO()
    Image.fromarray(pixels).save(coded, "JPEG", quality=quality, subsampling=0)
    with Image.open(io.BytesIO(coded.getvalue())) as picture:
        return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None].double() / 255


@pytest.mark.parametrize("quality", [10, 30, 50, 70, 90])
@pytest.mark.parametrize("size", [(40, 48), (37, 45)], ids=repr)
def test_jpeg_is_that_of_libjpeg(quality: int, size: tuple[int, int]) -> None:
    """Up to its rounding to whole levels, and to steps where its whole-number arithmetic rounds to others."""
    x = photograph(*size)
    ours, theirs = Jpeg(quality=quality)(x), by_pillow(x, quality)
    difference = (ours - theirs).abs() * 255
    lost = (theirs - x).abs().mean() * 255
    assert lost > 3
    assert difference.mean() < (0.1 if quality <= 50 else 0.25) * lost
    assert (difference <= 2.5).double().mean() > 0.9


def test_a_flat_image_keeps_its_grey() -> None:
    """The mean of a block has steps of 16 / 8 = 2 levels at quality 50: 100 - 128 = -28 is 14 of them."""
    grey = torch.full((1, 3, 16, 16), 100 / 255, dtype=torch.float64)
    torch.testing.assert_close(Jpeg(quality=50)(grey), grey, rtol=0, atol=1e-7)
    # 100.4 is first rounded to 100; the -13.5 and -14.5 steps of 101 and 99 go away from 0, to 100 and 98.
    for level, decoded in ((100.4, 100), (101, 100), (99, 98)):
        other = Jpeg(quality=50)(torch.full_like(grey, level / 255))
        torch.testing.assert_close(other, torch.full_like(grey, decoded / 255), rtol=0, atol=1e-7)


def test_gradients_pass_the_rounding_of_jpeg() -> None:
    """As if nothing were rounded, JPEG is the identity: so is its backward, away from black and white."""
    x = (0.3 + 0.4 * photograph(16, 16)).requires_grad_()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    decoded = Jpeg(quality=30)(x)
    assert decoded.min() > 0 and decoded.max() < 1 and not torch.equal(decoded, x)
    (gradient,) = torch.autograd.grad((weights * decoded).sum(), x)
    torch.testing.assert_close(gradient, weights, rtol=1e-5, atol=1e-5)


def test_a_blurred_point_is_the_kernel() -> None:
    x = torch.zeros(1, 2, 9, 9, dtype=torch.float64)
    x[..., 4, 4] = 1
    line = torch.tensor([math.exp(-(place**2) / (2 * 0.7**2)) for place in (-1, 0, 1)], dtype=torch.float64)
    kernel = line[:, None] * line[None, :] / line.sum() ** 2
    torch.testing.assert_close(Blur(size=3, sigma=0.7)(x)[0, 1, 3:6, 3:6], kernel, rtol=1e-6, atol=1e-8)
    assert float(Blur(size=5)(x).sum()) == pytest.approx(2, rel=1e-5)
    flat = torch.full((1, 3, 8, 8), 0.4)
    torch.testing.assert_close(Blur(size=5)(flat), flat)


def test_resizing_takes_fine_detail_and_leaves_coarse() -> None:
    fine = torch.zeros(1, 3, 32, 32)
    fine[..., ::2] = 1
    assert (Resize(share=0.25)(fine)[..., 4:-4] - 0.5).abs().max() < 0.05
    coarse = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    assert (Resize(share=0.5)(coarse) - coarse)[..., 4:-4].abs().max() < 1e-4
    assert Resize(share=0.3)(photograph(37, 45)).shape == (1, 3, 37, 45)


@pytest.mark.parametrize(
    ("name", "arguments"), [("blur", {"size": 3}), ("resize", {"share": 0.5}), ("jpeg", {"quality": 70})]
)
def test_a_model_behind_a_purifier_scores_what_it_lets_pass(name: str, arguments: dict[str, Any]) -> None:
    """On the weights of the model without it, and with a gradient that goes through it."""
    torch.manual_seed(0)
    plain = build(Part(name="hyperiqa")).eval()
    behind = build(Part(name="hyperiqa", arguments={"purify": {"name": name, **arguments}})).eval()
    behind.load_state_dict(plain.state_dict())
    x = photograph().float().requires_grad_()
    score = behind(x)
    torch.testing.assert_close(score, plain(purifier(name, **arguments)(x)))
    assert not torch.equal(score, plain(x))
    (gradient,) = torch.autograd.grad(score.sum(), x)
    assert gradient.isfinite().all() and (gradient != 0).double().mean() > 0.5


@pytest.mark.parametrize("name", ["iqa_hyperiqa_jpeg", "iqa_hyperiqa_resize", "iqa_hyperiqa_blur"])
def test_cards_take_the_weights_of_the_model_without(name: str) -> None:
    described = card(name)
    model = build(described.builder)
    assert isinstance(model, QualityModel) and model.purifier is not None
    assert described.needs == "iqa_hyperiqa" and card("iqa_hyperiqa").builder.name == described.builder.name
    assert model.state_dict().keys() == build(card("iqa_hyperiqa").builder).state_dict().keys()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("blur", {"size": 4}), ("blur", {"sigma": 0.0}), ("resize", {"share": 1.0}), ("resize", {"share": 0.0})],
        *[("jpeg", {"quality": 0}), ("jpeg", {"quality": 101}), ("denoise", {})],
    ],
)
def test_wrong_purifiers(name: str, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"odd size|share between 0 and 1|between 1 and 100|unknown purifier 'denoise'"):
        purifier(name, **wrong)

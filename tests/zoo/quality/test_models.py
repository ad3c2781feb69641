"""Every quality model: what goes in, what comes out, and that a gradient comes back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoo.card import Part
from zoo.loading import build
from zoo.quality.base import QualityModel

SMALL: dict[str, dict[str, object]] = {
    "hyperiqa": {"widths": [4, 6, 8, 12], "sizes": [36, 18, 9], "hyper": 8},
    "dbcnn": {"widths": [4, 6, 8, 12], "branch": [3, 4, 6]},
    "linearity": {"widths": [4, 6, 8, 12], "hidden": 8, "features": 6},
    "maniqa": {"widths": [4, 6, 8, 12], "dims": [16, 8]},
}
each = pytest.mark.parametrize("name", SMALL)


def small(name: str, seed: int = 0) -> QualityModel:
    torch.manual_seed(seed)
    model = build(Part(name=name, arguments=SMALL[name]))
    assert isinstance(model, QualityModel)
    return model


def images(n: int, height: int, width: int) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(1))


@each
@pytest.mark.parametrize(("height", "width"), [(64, 64), (97, 70), (128, 96), (32, 32)])
def test_any_size_gives_one_score_per_image(name: str, height: int, width: int) -> None:
    model = small(name)
    scores = model(images(3, height, width))
    assert scores.shape == (3,)
    assert scores.isfinite().all()


@each
def test_a_score_does_not_depend_on_its_neighbours(name: str) -> None:
    model, x = small(name).eval(), images(4, 64, 80)
    with torch.no_grad():
        alone = torch.cat([model(image[None]) for image in x])
        torch.testing.assert_close(model(x), alone, rtol=1e-4, atol=1e-5)
        assert alone.std() > 0


@each
def test_every_parameter_and_every_pixel_has_a_gradient(name: str) -> None:
    model, x = small(name), images(4, 64, 64).requires_grad_()
    sum(level.square().sum() for level in model.levels(x)).backward()  # type: ignore[union-attr]
    assert x.grad is not None and (x.grad.abs().flatten(1).sum(1) > 0).all()
    # A stride-16 trunk looks at every pixel.
    assert (x.grad.abs().sum((0, 1)) > 0).double().mean() > 0.99
    dead = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    # Keys shift all logits of a row alike, so a key's bias cancels in the softmax; so does a bias before BatchNorm.
    assert [key for key in dead if "key.bias" not in key] == []


@each
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    model, x = small(name).eval().double(), images(2, 64, 64).double()
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf).sum(), leaf)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        slope = (model(x + 1e-6 * direction) - model(x - 1e-6 * direction)).sum() / 2e-6
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-4, atol=1e-9)


@each
def test_two_calls_agree_and_leave_no_trace(name: str) -> None:
    model, x = small(name).eval(), images(2, 64, 64)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    assert torch.equal(model(x), model(x))
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@each
def test_training_mode_draws_no_random_numbers(name: str) -> None:
    model, x = small(name).train(), images(4, 64, 64)
    random = torch.get_rng_state()
    assert torch.equal(model(x), model(x))
    assert torch.equal(torch.get_rng_state(), random)


@each
@pytest.mark.parametrize("shape", [(2, 1, 64, 64), (2, 4, 64, 64), (3, 64, 64), (1, 3, 16, 64)])
def test_anything_but_rgb_images_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs images"):
        small(name)(torch.zeros(shape))


@each
def test_a_flat_image_has_a_finite_score_and_gradient(name: str) -> None:
    model = small(name).eval()
    x = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)]).requires_grad_()
    scores = model(x)
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    assert scores.isfinite().all() and gradient.isfinite().all()


@each
def test_the_default_network_is_small(name: str) -> None:
    model = build(Part(name=name))
    assert 100_000 < sum(parameter.numel() for parameter in model.parameters()) < 600_000


@pytest.mark.parametrize(("name", "levels"), [("linearity", 3), ("hyperiqa", 1), ("dbcnn", 1), ("maniqa", 1)])
def test_levels_start_with_the_answer(name: str, levels: int) -> None:
    model, x = small(name).eval(), images(2, 64, 64)
    found = model.levels(x)
    assert len(found) == levels
    assert torch.equal(found[0], model(x))


def test_hyperiqa_writes_other_weights_for_another_image() -> None:
    """With the target network's input held fixed, the content alone still changes the score."""
    model, x = small("hyperiqa").eval(), images(2, 64, 64)
    with torch.no_grad():
        for module in model.local:  # type: ignore[union-attr]
            nn.init.zeros_(module.read.weight)
        scores = model(x)
    assert scores[0] != scores[1]


def test_hyperiqa_refuses_sizes_that_cannot_be_reshaped() -> None:
    with pytest.raises(ValueError, match="must divide by 9"):
        build(Part(name="hyperiqa", arguments={"sizes": [70, 35]}))


def test_maniqa_is_a_weighted_mean_of_patch_scores() -> None:
    """Equal patch scores leave nothing for the weights to change."""
    model, x = small("maniqa").eval(), images(2, 64, 64)
    with torch.no_grad():
        nn.init.zeros_(model.score[2].weight)  # type: ignore[index, union-attr]
        nn.init.constant_(model.score[2].bias, 0.3)  # type: ignore[index, union-attr]
        torch.testing.assert_close(model(x), torch.full((2,), 0.3))

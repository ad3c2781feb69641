"""Adversarial training: what it crafts, and what it leaves as it was."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support import random_batches
from support.networks import settled
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.examples import evaluating
from zoo.defenses.membrane_stability import MembraneStability
from zoo.defenses.regularised import RegularisedAdversarialTraining

EPS = 8 / 255


def snn() -> nn.Module:
    torch.manual_seed(0)
    return settled(compact(steps=2, neuron={"threshold": 0.5}, widths=(4, 4, 4, 4)), batch()[0]).train()


def batch() -> tuple[Tensor, Tensor]:
    """Images whose upper and lower edges lie at the ends of the range."""
    images, labels = random_batches.batch()
    images[:, :, :4], images[:, :, -4:] = 0, 1
    return images, labels


def craft(defense: AdversarialTraining, model: nn.Module, x: Tensor, y: Tensor, seed: int = 0) -> Tensor:
    return defense.craft(model, x, y, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_examples_stay_in_ball_and_box(steps: int) -> None:
    x, y = batch()
    adv = craft(AdversarialTraining(eps=EPS, steps=steps), snn(), x, y)
    delta = (adv.double() - x.double()).abs()
    assert 0.9 * EPS < delta.max() <= EPS + 1e-7
    assert adv.min() >= 0
    assert adv.max() <= 1
    assert not adv.requires_grad


def test_examples_follow_the_generator() -> None:
    (x, y), model, defense = batch(), snn(), AdversarialTraining(eps=EPS)
    first = craft(defense, model, x, y)
    torch.rand(3)
    assert torch.equal(first, craft(defense, model, x, y))
    assert not torch.equal(first, craft(defense, model, x, y, seed=1))


def test_start_is_uniform_in_the_ball() -> None:
    x, y = torch.full((4, 3, 32, 32), 0.5), torch.zeros(4, dtype=torch.int64)
    start = (craft(AdversarialTraining(eps=EPS, steps=0), snn(), x, y) - x) / EPS
    quarters = torch.histc(start, 4, -1, 1) / start.numel()
    assert (quarters - 0.25).abs().max() < 0.02


def test_from_the_image_one_step_is_the_fast_gradient_sign_method() -> None:
    """Each pixel moves by eps along the sign of its gradient, and is clipped to the box."""
    x, model = torch.linspace(0, 1, 24, dtype=torch.float64).view(2, 3, 2, 2), Linear()
    y = torch.tensor([0, 1])
    uphill = torch.stack([-model.w.detach().sign(), model.w.detach().sign()]).view_as(x)
    adv = craft(AdversarialTraining(eps=EPS, start="image"), model, x, y)
    torch.testing.assert_close(adv, (x + EPS * uphill).clamp(0, 1), rtol=0, atol=1e-12)


def test_from_noise_one_step_is_clipped_and_not_projected() -> None:
    """``clip(x + 0.001 n + eps sign(g))``, with the noise of the generator; it leaves the ball by the noise."""
    x, model = torch.full((2, 3, 2, 2), 0.5, dtype=torch.float64), Linear()
    y = torch.tensor([0, 1])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    uphill = torch.stack([-model.w.detach().sign(), model.w.detach().sign()]).view_as(x)
    adv = craft(AdversarialTraining(eps=EPS, start="noise"), model, x, y, seed=7)
    torch.testing.assert_close(adv, x + 0.001 * noise + EPS * uphill, rtol=0, atol=1e-12)
    assert (adv - x).abs().max() > EPS
    edge = craft(AdversarialTraining(eps=EPS, start="noise"), model, torch.ones_like(x), y, seed=7)
    assert edge.max() == 1


def test_an_unknown_start_is_refused() -> None:
    for make in (AdversarialTraining, MembraneStability, RegularisedAdversarialTraining):
        with pytest.raises(ValueError, match="unknown start 'corner'; known: uniform, image, noise"):
            make(start="corner")  # type: ignore[arg-type]


def test_no_budget_is_plain_training() -> None:
    (x, y), model = batch(), snn().eval()
    assert torch.equal(craft(AdversarialTraining(eps=0.0, steps=2), model, x, y), x)


def test_crafting_leaves_the_model_alone() -> None:
    (x, y), model = batch(), snn()
    model.get_submodule("body.0.1").eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    craft(AdversarialTraining(eps=EPS, steps=2), model, x, y)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_mode_comes_back_after_an_error() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout().eval())
    with pytest.raises(RuntimeError, match="inside"), evaluating(model):  # noqa: PT012
        assert not any(module.training for module in model.modules())
        raise RuntimeError("inside")
    assert [module.training for module in model.modules()] == [True, True, False]


def test_loss_is_that_of_the_examples_alone() -> None:
    (x, y), model, defense = batch(), snn(), AdversarialTraining(eps=EPS)
    adv = craft(defense, model, x, y)
    assert model.body[0][1].num_batches_tracked == 1
    loss, logits = defense.loss(model, x, y, generator=torch.Generator().manual_seed(0))
    assert model.body[0][1].num_batches_tracked == 2
    assert torch.equal(logits, model(adv))
    assert torch.equal(loss, F.cross_entropy(logits, y))
    assert not torch.equal(logits, model(x))


class Linear(nn.Module):
    """Two logits, ``+- w x``: the worst case in the ball is the corner at ``-+ sign(w)``."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.w = nn.Parameter(torch.randn(12, generator=generator, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        score = x.flatten(1) @ self.w
        return torch.stack([score, -score], 1)


@pytest.mark.parametrize(
    ("steps", "step_size", "reach"), [(1, None, 0.25), (2, None, 1.0), (1, 0.25 * EPS, -0.75), (9, 0.25 * EPS, 1)]
)
def test_steps_climb_to_the_corner(steps: int, step_size: float | None, reach: float) -> None:
    """From anywhere in the ball, ``reach`` is how far along the sign the steps are sure to lead."""
    x, y = torch.full((5, 3, 2, 2), 0.5, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 0])
    model = Linear()
    adv = craft(AdversarialTraining(eps=EPS, steps=steps, step_size=step_size), model, x, y)
    uphill = torch.where(y[:, None] == 0, -model.w.detach().sign(), model.w.detach().sign())
    moved = ((adv - x).flatten(1) * uphill / EPS).min()
    assert reach - 1e-9 <= moved <= reach + 0.25

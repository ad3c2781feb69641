"""Transfer: the source is attacked in full, the target is not asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.fitting import Traits
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.rate import BPTR
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.objectives import Objective
from attacks.pgd import PGD
from attacks.sapgd import SAPGD
from attacks.score_objectives import Decrease, Deviation, Increase
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.transfer import Transfer

Build = Callable[..., Any]


class Hidden(nn.Module):
    """A model that tells its attacker nothing: its gradient is zero."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.detach()) + 0 * x.flatten(1).sum(1, keepdim=True)


def test_it_breaks_a_model_that_hides_its_gradient(smooth: Build, images: Build, streams: Build) -> None:
    twin, x = smooth(gain=3.0), images(30)
    model = Hidden(twin)
    labels = model(x).argmax(1)
    threat = Linf(eps=0.05)
    fallen = []
    for attack in (PGD(random_start=False), Transfer(model=twin)):
        oracle = ModelOracle.of(model, labels)
        adv = attack.perturb(oracle, x, threat, rng=streams(30))
        fallen.append(float((model(adv).argmax(1) != labels).double().mean()))
    assert fallen[0] == 0 and fallen[1] > 0.7


def test_the_target_is_never_asked_and_the_source_is_paid_for(smooth: Build, images: Build, streams: Build) -> None:
    class Private(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("asked")

    x = images(4)
    oracle = ModelOracle.of(Private(), torch.zeros(4).long())
    attack = Transfer(model=smooth(), attack=MIFGSM(steps=7))
    attack.perturb(oracle, x, Linf(eps=3.0), rng=streams(4))
    assert (oracle.forwards.tolist(), oracle.backwards.tolist()) == ([8] * 4, [7] * 4)
    assert attack.cost() == (8, 7)


def test_what_fools_the_source_is_not_enough(smooth: Build, images: Build, streams: Build) -> None:
    """Samples that the source gets wrong from the start are pushed as far as the others."""
    source, x = smooth(), images(6)
    labels = (source(x).argmax(1) + 1) % 5
    oracle = ModelOracle.of(smooth(seed=1), labels)
    adv = Transfer(model=source, attack=MIFGSM(steps=10)).perturb(oracle, x, Linf(eps=0.05), rng=streams(6))
    loss = torch.nn.functional.cross_entropy
    assert bool((loss(source(adv), labels, reduction="none") > loss(source(x), labels, reduction="none")).all())


def test_the_source_s_path_is_the_attacker_s_choice(spiking: Build, smooth: Build, images: Build, streams: Build) -> None:
    x = images(6)
    labels = smooth()(x).argmax(1)
    found = [
        Transfer(model=spiking(), attack=PGD(steps=3), **path).perturb(
            ModelOracle.of(smooth(), labels), x, Linf(eps=0.1), rng=streams(6)
        )
        for path in ({}, {"path": BPTR()})
    ]
    assert not torch.equal(*found)


class Silent(torch.autograd.Function):
    """A step at zero whose own slope is zero everywhere."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return 0 * grad


class Foreign(nn.Module):
    """A spiking network of others: images ``(n, 1, 6, 6)`` to three logits."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.last = (torch.randn(*size, generator=generator) for size in ((36, 40), (40, 3)))

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = Silent.apply((x.flatten(1) - 0.5) @ self.first - 0.5)
        return spikes @ self.last


def test_the_spike_functions_of_a_foreign_source_take_the_path_too(streams: Build) -> None:
    """Without a look at the source its gradient is zero, and nothing moves but the random start."""
    x = torch.rand(12, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    source = Foreign().eval()
    labels = source(x).argmax(1)
    blind = Transfer(model=source, attack=PGD(steps=10, random_start=False), path=BPTT(width=2.0))
    for attack, zero in ((blind, True), (blind.knowing(x[:3]), False)):
        oracle = ModelOracle.of(source, labels)
        adv = attack.perturb(oracle, x.clone(), Linf(eps=0.2), rng=streams(12))
        assert torch.equal(adv, x) == bool((oracle.zero_gradients > 0).all()) == zero
    assert (source(adv).argmax(1) != labels).float().mean() > 0.5


def test_a_source_that_cannot_be_looked_at_is_left_as_it_is(smooth: Build, images: Build) -> None:
    attack = Transfer(model=Foreign().eval())
    assert attack.knowing(torch.rand(3, 1, 5, 5)) == attack
    of_smooth = Transfer(model=smooth())
    assert of_smooth.knowing(images(3)).sites is None


@pytest.mark.parametrize(
    ("source", "path"),
    [("smooth", BPTT()), ("smooth", Training(coding="smooth")), ("foreign", BPTR())],
    ids=["no spikes", "no encoder", "no whole layer"],
)
def test_a_path_that_would_change_nothing_at_the_source_is_refused(
    source: str, path: GradientPath, smooth: Build, images: Build
) -> None:
    """In silence the source's own gradient would have been followed, under the name of another."""
    model, x = (smooth(), images(3)) if source == "smooth" else (Foreign().eval(), torch.rand(3, 1, 6, 6))
    with pytest.raises(ValueError, match="takes no gradient path such as"):
        Transfer(model=model, path=path).knowing(x)
    assert Transfer(model=model).knowing(x).path == Training()


def test_a_source_without_finite_gradients_is_noted(smooth: Build, streams: Build) -> None:
    class Hollow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - x).sqrt().flatten(1)[:, :5] + torch.arange(5)

    oracle = ModelOracle.of(smooth(), torch.tensor([4, 4]))
    x = torch.full((2, 2, 4, 4), 0.5, dtype=torch.float64)
    Transfer(model=Hollow().eval()).perturb(oracle, x, Linf(eps=0.1), rng=streams(2))
    assert oracle.bad_gradient.tolist() == [True, True]


def test_a_source_in_training_mode_and_a_wrong_norm_are_refused(smooth: Build) -> None:
    with pytest.raises(ValueError, match="training mode"):
        Transfer(model=smooth().train())
    transfer = Transfer(model=smooth(), attack=SAPGD())
    assert transfer.misfit(L2(eps=1.0), (2, 4, 4), Traits()) == "SAPGD attacks in linf, not in l2"


class Rated(nn.Module):
    """A score that differs between source and target by an offset and a factor only."""

    def __init__(self, offset: float, factor: float) -> None:
        super().__init__()
        self.offset, self.factor = offset, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.offset + self.factor * torch.sin(3 * x.flatten(1)).mean(1)


@pytest.mark.parametrize("objective", [Increase(), Decrease(), Deviation()], ids=repr)
def test_a_score_is_moved_by_what_moved_the_source_s(objective: Objective, images: Build, streams: Build) -> None:
    source, target, x = Rated(-5.0, 0.2).eval(), Rated(1.0, 1.0), images(6)
    oracle = ModelOracle.of(target, target(x), objective=objective)
    adv = Transfer(model=source, attack=PGD(steps=10)).perturb(oracle, x, Linf(eps=0.05), rng=streams(6))
    direct = PGD(steps=10).perturb(
        ModelOracle.of(target, target(x), objective=objective, stochastic=True), x, Linf(eps=0.05), rng=streams(6)
    )
    before = objective.value(target(x), target(x), None)
    gain, most = (objective.value(target(found), target(x), None) - before for found in (adv, direct))
    # A deviation may go either way, and each way has an optimum of its own.
    assert bool((most > 0).all()) and bool((gain > (0.6 if isinstance(objective, Deviation) else 0.9) * most).all())
    assert oracle.forwards.tolist() == [12] * 6

"""What stages hand down: the levels of points, the best of several, and that a cascade's stages are given them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from support.norms import row_norm
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.cascade import Cascade
from attacks.fitting import Traits
from attacks.inheritance import LEVELS, Levels, Reached
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.oracle import Oracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]


def test_corners_of_a_linf_ball_survive_in_levels() -> None:
    x = torch.tensor([0.0, 0.3, 0.5, 0.99]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    ball = Linf(eps=torch.tensor([0.0, 2 / 255, 8 / 255]))
    corner = ball.project(x + ball.radius(x) * torch.tensor([1.0, -1.0, 1.0, 1.0]).view(1, 1, 2, 2), x)
    back = Levels.of(corner, x).points(x, ball)
    torch.testing.assert_close(back, corner, atol=0.5 / LEVELS * 8 / 255, rtol=0)
    assert torch.equal(back[:, 0, 0, :2], corner[:, 0, 0, :2])
    assert torch.equal(back[0], x[0])


def test_points_in_levels_stay_near_and_in_the_ball(images: Build, streams: Build) -> None:
    x, ball = images(5), L2(eps=0.3)
    points = ball.random(x, streams(5))
    back = Levels.of(points, x).points(x, ball)
    assert float(row_norm(back - x, "l2").max()) <= 0.3 + 1e-6
    step = (points - x).flatten(1).abs().amax(1) / LEVELS
    assert bool(((back - points).flatten(1).abs().amax(1) <= 0.51 * step).all())


def test_only_better_points_are_taken_and_nan_is_never_better() -> None:
    x = torch.full((3, 1, 2, 2), 0.5)
    reached = Reached.nothing(x)
    assert reached.better(torch.tensor([-5.0, torch.nan, -torch.inf]), torch.arange(3)).tolist() == [True, False, False]
    reached.take(Levels.of(x[:1] + 0.1, x[:1]), torch.tensor([-5.0]), torch.tensor([0]), x, Linf(eps=0.1))
    assert reached.better(torch.tensor([-6.0]), torch.tensor([0])).tolist() == [False]
    torch.testing.assert_close(reached.points[0], x[0] + 0.1)
    assert torch.equal(reached.points[1:], x[1:])


@dataclass(frozen=True, kw_only=True)
class Heir(Attack):
    """Returns what it has inherited, and notes it."""

    inherits: ClassVar[bool] = True

    seen: list[Tensor | None]

    def cost(self) -> tuple[int, int]:
        return 0, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.seen.append(oracle.inherited)
        return x if oracle.inherited is None else oracle.inherited


def test_a_stage_of_a_cascade_inherits_the_best_point_of_its_samples(smooth: Build, images: Build, streams: Build) -> None:
    seen: list[Tensor | None] = []

    @dataclass(frozen=True, kw_only=True)
    class Three(Cascade):
        def stages(self, kind: type[Threat], traits: Traits) -> tuple[Stage, ...]:
            return (
                Stage("first", Heir(seen=seen)),
                Stage("walk", PGD(steps=4, objective="margin", random_start=False)),
                Stage("still", PGD(steps=0, random_start=False)),
                Stage("second", Heir(seen=seen)),
            )

    model, x = smooth(), images(12)
    oracle = ModelOracle.of(model, model(x).argmax(1), objective=Margin())
    adv = Three().perturb(oracle, x, Linf(eps=0.01), rng=streams(12))
    assert seen[0] is None and seen[1] is not None
    standing = model(adv).argmax(1) == oracle.labels
    assert 0 < int(standing.sum()) == len(seen[1])
    before, after = (Margin().value(model(x[standing]), oracle.labels[standing], None), None)
    after = Margin().value(model(seen[1]), oracle.labels[standing], None)
    assert bool((after > before).all())
    assert bool((adv[standing] != x[standing]).flatten(1).any(1).all())

"""Does a step along a gradient bring a sample nearer to another class, more often than steps in random directions?

A spiking network's gradient is a choice, and any network's backward may be written by hand: a gradient that is not zero need
not point anywhere. On a few samples the margin after one finite step along each path is compared with those after random
steps of the same size. The answer costs a few dozen forwards a sample, so every record has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from attacks.gradients.base import GradientPath
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.randomness import KeyedRng
from attacks.threats.norm_ball import NormBall
from bench.foundation.threats import threat_at
from bench.models.probe import fixed_randomness
from bench.tasks.checks import Status, graded, not_looked_at
from bench.tasks.results import Check

if TYPE_CHECKING:
    import pandas as pd

    from bench.models.subject import Subject
    from bench.tasks.task import Request

SAMPLES, STOCHASTIC, DIRECTIONS, PATHS = 32, 8, 8, 5
"""Samples that are looked at, those of a stochastic model, random directions that a gradient is compared with, and paths."""
WARN, FAIL = 0.3, 0.6
"""Shares of samples on which the best path is no better than random, from which on it is a remark or a failure."""
DEAD = 0.25
"""Share of the entries without a gradient, on every sample and along every path, that is worth a remark."""
TOWARDS = "whether a step along a gradient leads towards another class"
WIDE = 0.25
"""A linf radius from which on it is no step any more."""
FAR = 100.0
"""Lead of the label's logit from which on its cross-entropy has no gradient at all in float32."""


@dataclass(frozen=True)
class Slopes:
    """What finite steps did. shares: by path, of the samples that tell anything, how many a step along it brought nearer to
    another class than every random step. dead: share of entries without any gradient. lead: median lead of the label.
    """

    shares: Mapping[str, float]
    dead: float
    lead: float


def uphill_checks(request: Request, rows: pd.DataFrame) -> Iterator[Check]:
    """Checks of the gradients that the request's attacks follow, on the first samples that are right without an attack.

    None where no attack follows gradients, where the model is not at hand, and under a threat without a norm.
    """
    paths, radius = _paths(request), _radius(request)
    ball = threat_at(request.norm, radius)
    if not paths or not request.subject.is_held or not isinstance(ball, NormBall) or radius == 0:
        return
    right = set(rows.loc[rows["verdict"] != "clean_wrong", "sample"])
    positions = [row for row, sample in enumerate(request.samples.ids.tolist()) if sample in right]
    positions = positions[: STOCHASTIC if request.subject.stochastic else SAMPLES]
    if not positions:
        return
    try:
        with fixed_randomness(request.device):
            slopes = measured(request, positions, ball, paths)
    except Exception as error:  # whatever a stranger's backward raises
        yield not_looked_at("uphill", TOWARDS, f"{type(error).__name__}: {error}".splitlines()[0])
        return
    yield from _lead(slopes)
    if not slopes.shares:
        why = "steps as long as the radius change no margin"
        yield not_looked_at("uphill", TOWARDS, why)
        return
    best = max(slopes.shares, key=lambda path: slopes.shares[path])
    share = slopes.shares[best]
    along = "its gradient" if len(slopes.shares) == 1 else f"the best of {len(slopes.shares)} gradient paths ({best})"
    says = f"a step along {along} leads nearer to another class than {DIRECTIONS} random ones on {share:.0%} of the samples"
    yield Check(name="uphill", status=_graded(share, request.subject), value=share, says=says)
    if slopes.dead > DEAD:
        says = f"{slopes.dead:.0%} of the input has no gradient, on any sample and along any path"
        yield Check(name="dead entries", status="warn", value=slopes.dead, says=says)


def _radius(request: Request) -> float:
    """The largest radius that is no more than a step: of pixels at the ends of their range nobody knows where they began."""
    radii = [eps.value for eps in request.eps]
    steps = [radius for radius in radii if request.norm != "linf" or radius < WIDE]
    return max(steps) if steps else min(radii)


def _graded(share: float, subject: Subject) -> Status | Literal["bound"]:
    """The margins of a stochastic model are noisy, which may drown a step: a remark. Where steps are known to be out of the
    attacker's control, no failure is news: a bound.
    """
    status = graded(1 - share, warn=WARN, fail=1.0 if subject.stochastic else FAIL)
    out_of_control = subject.sites is not None and bool(subject.sites.uncontrolled)
    return "bound" if status == "fail" and out_of_control else status


def _lead(slopes: Slopes) -> Iterator[Check]:
    if slopes.lead > FAR:
        says = (
            f"the label's logit leads by {slopes.lead:.3g} in the median, where cross-entropy has no gradient in float32: "
            "attacks that follow it as it is see none"
        )
        yield Check(name="scale of logits", status="warn", value=min(slopes.lead, 1e9), says=says)


def _paths(request: Request) -> dict[str, GradientPath]:
    """The first few different paths along which the request's attacks follow gradients."""
    stages = [stage for run in request.stages for stage in run if stage.attack.access == "white-box"]
    paths = dict.fromkeys(stage.path or request.path for stage in stages)
    taken = [path for path in paths if request.subject.takes(path)]
    return {repr(path): path for path in taken[:PATHS]}


def measured(request: Request, positions: list[int], ball: NormBall, paths: Mapping[str, GradientPath]) -> Slopes:
    """Finite steps of the radius of ``ball`` on the samples at ``positions``."""
    samples = request.samples[torch.tensor(positions)]
    x, labels = samples.images.to(request.device), samples.labels.to(request.device)
    rng = KeyedRng.of(request.seed, samples.ids.to(request.device)).fold("uphill")
    rows = torch.arange(len(x), device=x.device)
    oracle = ModelOracle.of(
        request.subject.proposing,
        labels,
        objective=Margin(),
        rng=rng.fold("layers"),
        draws=request.eot,
        stochastic=request.subject.stochastic,
        micro_batch=min(request.micro_batch, request.query_rows),
        sites=request.subject.sites,
    )

    def margin(direction: Tensor) -> Tensor:
        stepped = ball.project(x + ball.radius(x) * ball.steepest(direction), x)
        return oracle.query(stepped, rows, grad=False).value

    before = oracle.query(x, rows, grad=False).value
    blind = torch.stack([margin(rng.fold("direction", k).normal(*x.shape[1:]).to(x)) for k in range(DIRECTIONS)])
    gradients = {name: oracle.subset(rows, path=path).query(x, rows, grad=True).slope for name, path in paths.items()}
    along = {name: margin(gradient) for name, gradient in gradients.items()}
    telling = (torch.stack([*blind, *along.values()]) != before).any(0)
    dead = torch.stack([(gradient == 0).all(0) for gradient in gradients.values()]).all(0)
    return Slopes(
        shares={name: float((m > blind.amax(0))[telling].double().mean()) for name, m in along.items() if telling.any()},
        dead=float(dead.double().mean()),
        lead=float(-before.median()),
    )

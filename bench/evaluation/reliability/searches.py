"""Examines whether attacks behave as they do on a true gradient (Athalye et al., ICML 2018; Carlini et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch

from attacks.base import Attack
from attacks.noise import UniformNoise
from attacks.pgd import PGD
from attacks.square import Square
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.models.subject import Subject
from bench.tasks.checks import graded, not_looked_at
from bench.tasks.results import Check

STEPS = (1, 5, 10, 20, 40)
RADII = (0.25, 0.5, 1.0, 2.0, 4.0)


def raw(steps: int) -> PGD:
    """Textbook PGD: no early exit, the last iterate."""
    return PGD(steps=steps, keep="last")


def steps_curve(examined: ExaminedModel) -> list[float]:
    """Share standing after raw PGD of :data:`STEPS` steps along the model's own gradient."""
    return [float(examined.attacked(raw(steps), examined.paths["own"]).float().mean()) for steps in STEPS]


def radius_curve(examined: ExaminedModel) -> list[float]:
    """Share standing under raw PGD-20 at :data:`RADII` times the radius."""
    own = examined.paths["own"]
    return [float(examined.attacked(raw(20), own, eps=min(1.0, k * examined.eps)).float().mean()) for k in RADII]


def steps(examined: ExaminedModel) -> Iterator[Check]:
    """One step must not break more than many steps, and many steps must have converged."""
    curve = steps_curve(examined)
    lead = min(curve[2:]) - curve[0]
    says = f"one step leaves {curve[0]:.0%} standing, {STEPS[-1]} steps leave {curve[-1]:.0%}"
    yield Check(name="one step against many", status=graded(lead, warn=0.0, fail=0.05), value=lead, says=says)
    drop = curve[-2] - curve[-1]
    says = f"doubling {STEPS[-2]} steps breaks another {drop:.0%}"
    yield Check(name="convergence", status="warn" if drop > 0.05 else "pass", value=drop, says=says)


def restarts(examined: ExaminedModel) -> Iterator[Check]:
    """More random starts must not break many more samples."""
    one_start, five_starts = (
        float(examined.attacked(PGD(steps=10, restarts=count), examined.paths["own"]).float().mean()) for count in (1, 5)
    )
    says = f"five starts of PGD-10 break another {one_start - five_starts:.0%} over one"
    yield Check(
        name="restarts", status="warn" if one_start - five_starts > 0.1 else "pass", value=one_start - five_starts, says=says
    )


def radii(examined: ExaminedModel) -> Iterator[Check]:
    """A larger radius must help the attacker, and without a bound almost every sample must fall."""
    curve = radius_curve(examined)
    rise = max(later - earlier for earlier, later in pairwise(curve))
    percentages = ", ".join(f"{value:.0%}" for value in curve)
    says = f"standing at {RADII[0]:g} to {RADII[-1]:g} times the radius: {percentages}"
    yield Check(name="radius", status=graded(rise, warn=0.03, fail=0.1), value=rise, says=says)
    unbounded = float(examined.attacked(raw(40), examined.paths["own"], eps=1.0).float().mean())
    says = f"with no bound on the perturbation, {unbounded:.0%} still stand"
    yield Check(name="no bound", status=graded(unbounded, warn=0.05, fail=0.2), value=unbounded, says=says)


def blind(examined: ExaminedModel) -> Iterator[Check]:
    """Searches without the model's gradient must not break many samples that the gradient misses.

    Where no gradient reaches the input, they are all there is. A search that does not fit the samples is named.
    """
    path, subject = examined.paths["own"], examined.subject
    guided = PGD(steps=20)
    standing = examined.attacked(guided, path) if subject.differentiable else torch.ones_like(examined.y, dtype=torch.bool)
    others: dict[str, tuple[Attack, Subject | None]] = {
        "Square (500 queries)": (Square(queries=500), None),
        "the worst of 100 random draws": (UniformNoise(draws=100), None),
        **{f"transfer from {name}": (guided, source) for name, source in examined.sources.items()},
    }
    for name, (attack, source) in others.items():
        traits = (subject if source is None else source).traits
        misfit = attack.misfit(examined.threat, examined.x.shape[1:], traits)
        if misfit is not None:
            yield not_looked_at(name, f"what {name} would break", misfit)
            continue
        missed = float((standing & ~examined.attacked(attack, path, source=source)).float().mean())
        if subject.differentiable:
            says = f"{name} breaks {missed:.0%} that PGD-20 along its own gradient leaves standing"
            yield Check(name=name, status=graded(missed, warn=0.03, fail=0.1), value=missed, says=says)
        else:
            says = f"{name} breaks {missed:.0%} without any gradient"
            yield Check(name=name, status="pass", value=missed, says=says)


def paths(examined: ExaminedModel) -> Iterator[Check]:
    """Measure how much the model's own surrogate overstates its robustness."""
    if not examined.spiking:
        return
    standing = {name: float(examined.attacked(PGD(steps=20), path).float().mean()) for name, path in examined.paths.items()}
    best = min(standing, key=lambda name: standing[name])
    lead = standing["own"] - standing[best]
    other = f"{standing[best]:.0%} along {best}" if best != "own" else "and no less along any other path"
    says = f"PGD-20 leaves {standing['own']:.0%} standing along its own gradient, {other}"
    yield Check(name="choice of path", status="warn" if lead > 0.05 else "pass", value=lead, says=says)

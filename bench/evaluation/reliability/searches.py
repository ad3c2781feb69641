"""Do attacks behave as attacks on an honest gradient do (Athalye et al., ICML 2018; Carlini et al., 2019)?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import nn

from attacks.base import Attack
from attacks.noise import UniformNoise
from attacks.pgd import PGD
from attacks.square import Square
from bench.evaluation.reliability.examined_model import Patient
from bench.tasks.checks import graded
from bench.tasks.results import Check

STEPS = (1, 5, 10, 20, 40)
RADII = (0.25, 0.5, 1.0, 2.0, 4.0)


def raw(steps: int) -> PGD:
    """PGD as textbooks have it: no early exit, the last iterate."""
    return PGD(steps=steps, keep="last")


def steps_curve(patient: Patient) -> list[float]:
    """Share standing after raw PGD of :data:`STEPS` steps along the model's own gradient."""
    return [float(patient.attacked(raw(steps), patient.paths["own"]).float().mean()) for steps in STEPS]


def radius_curve(patient: Patient) -> list[float]:
    """Share standing under raw PGD-20 at :data:`RADII` times the radius."""
    own = patient.paths["own"]
    return [float(patient.attacked(raw(20), own, eps=min(1.0, k * patient.eps)).float().mean()) for k in RADII]


def steps(patient: Patient) -> Iterator[Check]:
    """One step must not beat many, and many must have converged."""
    curve = steps_curve(patient)
    lead = min(curve[2:]) - curve[0]
    says = f"one step leaves {curve[0]:.0%} standing, {STEPS[-1]} steps leave {curve[-1]:.0%}"
    yield Check(name="one step against many", status=graded(lead, warn=0.0, fail=0.05), value=lead, says=says)
    drop = curve[-2] - curve[-1]
    says = f"doubling {STEPS[-2]} steps breaks another {drop:.0%}"
    yield Check(name="convergence", status="warn" if drop > 0.05 else "pass", value=drop, says=says)


def restarts(patient: Patient) -> Iterator[Check]:
    """More starts must not change much."""
    one, five = (
        float(patient.attacked(PGD(steps=10, restarts=count), patient.paths["own"]).float().mean()) for count in (1, 5)
    )
    says = f"five starts of PGD-10 break another {one - five:.0%} over one"
    yield Check(name="restarts", status="warn" if one - five > 0.1 else "pass", value=one - five, says=says)


def radii(patient: Patient) -> Iterator[Check]:
    """More room must help the attacker, and all of it must be enough."""
    curve = radius_curve(patient)
    rise = max(later - earlier for earlier, later in pairwise(curve))
    shown = ", ".join(f"{value:.0%}" for value in curve)
    says = f"standing at {RADII[0]:g} to {RADII[-1]:g} times the radius: {shown}"
    yield Check(name="radius", status=graded(rise, warn=0.03, fail=0.1), value=rise, says=says)
    left = float(patient.attacked(raw(40), patient.paths["own"], eps=1.0).float().mean())
    says = f"with no bound on the perturbation, {left:.0%} still stand"
    yield Check(name="no bound", status=graded(left, warn=0.05, fail=0.2), value=left, says=says)


def blind(patient: Patient) -> Iterator[Check]:
    """What finds adversarial images without the model's gradient must not find many that the gradient misses."""
    path = patient.paths["own"]
    own = patient.attacked(PGD(steps=20), path)
    others: dict[str, tuple[Attack, nn.Module | None]] = {
        "Square (500 queries)": (Square(queries=500), None),
        "the worst of 100 random draws": (UniformNoise(draws=100), None),
        **{f"transfer from {name}": (PGD(steps=20), source) for name, source in patient.sources.items()},
    }
    for name, (attack, source) in others.items():
        missed = float((own & ~patient.attacked(attack, path, source=source)).float().mean())
        says = f"{name} breaks {missed:.0%} that PGD-20 along its own gradient leaves standing"
        yield Check(name=name, status=graded(missed, warn=0.03, fail=0.1), value=missed, says=says)


def paths(patient: Patient) -> Iterator[Check]:
    """How much the model's own surrogate overstates its robustness."""
    if not patient.spiking:
        return
    standing = {name: float(patient.attacked(PGD(steps=20), path).float().mean()) for name, path in patient.paths.items()}
    best = min(standing, key=lambda name: standing[name])
    lead = standing["own"] - standing[best]
    says = f"PGD-20 leaves {standing['own']:.0%} standing along its own gradient, {standing[best]:.0%} along {best}"
    yield Check(name="choice of path", status="warn" if lead > 0.05 else "pass", value=lead, says=says)

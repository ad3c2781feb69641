"""Examines whether gradients exist, whether they agree, and whether they raise the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.models.slope import Slope, slope_of
from bench.tasks.checks import graded, not_looked_at
from bench.tasks.gradient_checks import path_checks, slope_checks
from bench.tasks.results import Check


def layers(examined: ExaminedModel) -> Iterator[Check]:
    """Count what takes a path; where steps are out of control, or a spiking model has none, the attacker is blind.

    In a record such steps bound the number; for attacks along the model's own gradient they are a failure.
    """
    checks = [*path_checks(examined.subject)]
    if not examined.spiking and not any(check.status == "fail" for check in checks):
        says = "no layer takes a gradient path; its own gradient is the only one"
        yield Check(name="layers", status="pass", value=0, says=says)
    if examined.subject.unrecognised is not None:
        yield not_looked_at("spike functions", "its spike functions", examined.subject.unrecognised)
    for check in checks:
        if check.name != "spike functions":
            yield _decisive(check)


def vanishing(examined: ExaminedModel) -> Iterator[Check]:
    """Share of samples whose gradient is zero everywhere, or is not finite."""
    for name, path in examined.paths.items():
        gradient = examined.gradient(path).flatten(1)
        bad = float((~gradient.isfinite()).any(1).float().mean())
        zero = float((gradient == 0).all(1).float().mean())
        says = f"along {name}, {zero:.0%} of the gradients are zero and {bad:.0%} are not finite"
        status = graded(max(zero, bad), warn=0.05, fail=_fatal(name, 0.3))
        yield Check(name=f"gradient along {name}", status=status, value=zero, says=says)


def _fatal(path: str, limit: float) -> float:
    """The limit for failure along a path: only the model's own surrogate, which papers report, can fail."""
    return limit if path == "own" else math.inf


def cosines(examined: ExaminedModel) -> tuple[list[str], Tensor]:
    """Names of the paths, and the mean over samples of the cosine between their gradients ``(paths, paths)``."""
    names = list(examined.paths)
    unit = torch.stack(
        [F.normalize(examined.gradient(examined.paths[name]).flatten(1).nan_to_num(), dim=1) for name in names]
    )
    return names, torch.einsum("pnd,qnd->pq", unit, unit) / len(examined.y)


def agreement(examined: ExaminedModel) -> Iterator[Check]:
    """Compare the direction of the model's own gradient with that of the adaptive path ASSG."""
    if examined.spiking:
        names, matrix = cosines(examined)
        value = float(matrix[names.index("own"), names.index("ASSG")])
        says = f"its own gradient has a cosine of {value:.2f} with that of ASSG"
        yield Check(name="agreement", status="warn" if value < 0.1 else "pass", value=value, says=says)


def sparsity(examined: ExaminedModel) -> Iterator[Check]:
    """First-order bound on how much stronger than noise an attack can be (Liu et al., ICML 2024)."""
    gradient = examined.gradient(examined.paths["own"]).flatten(1).nan_to_num()
    l1, l2 = gradient.abs().sum(1), gradient.square().sum(1)
    seen = l2 > 0
    if not bool(seen.any()):
        return
    ratio = float((3 * l1[seen] ** 2 / l2[seen]).median())
    says = (
        f"spread of its own gradient g over the input: 3 |g|_1^2 / |g|_2^2 is {ratio:.0f} in the median; the most is "
        f"{3 * gradient.shape[1]}, where all entries are equally large"
    )
    yield Check(name="sparsity", status="pass", value=ratio, says=says)


DIRECTIONS = 8
"""Number of random directions that are compared with a gradient's."""


def uphill(examined: ExaminedModel) -> Iterator[Check]:
    """For spiking models, whose true derivative is zero: compare a finite step along the gradient with steps in random
    directions, by the rise of the loss.
    """
    if not examined.spiking:
        return
    examined.on_work("steps in random directions")
    before = examined.loss(examined.x)
    step = examined.eps / 2
    blind = []
    for k in range(DIRECTIONS):
        signs = 2.0 * (examined.rng.fold("direction", k).uniform(*examined.x.shape[1:]) < 0.5) - 1
        blind.append(examined.loss((examined.x + step * signs).clamp(0, 1)) - before)
    of_blind, rises = torch.stack(blind), {}
    for name, path in examined.paths.items():
        stepped = (examined.x + step * examined.gradient(path).nan_to_num().sign()).clamp(0, 1)
        rises[name] = examined.loss(stepped) - before
    telling = (torch.cat([of_blind, torch.stack(list(rises.values()))]) != 0).any(0)  # elsewhere all directions are alike
    if not bool(telling.any()):
        yield not_looked_at("uphill", "whether a step along a gradient raises the loss", "steps of this size change nothing")
        return
    for name, rise in rises.items():
        share = float((rise > of_blind.amax(0))[telling].float().mean())
        says = f"a step along {name} raises the loss more than {DIRECTIONS} random ones on {share:.0%} of the samples"
        status = graded(1 - share, warn=0.3, fail=_fatal(name, 0.6))
        yield Check(name=f"uphill along {name}", status=status, value=share, says=says)


COMPARED = 16
"""Samples on which the gradient is compared with a finite difference."""


def derivative(examined: ExaminedModel) -> Iterator[Check]:
    """For models without steps: is the gradient the derivative of the forward? What cannot be looked at is said.

    Steps that were found are reported with the layers, and so are probabilities that round to 1, which have no slope.
    """
    subject = examined.subject
    if not subject.is_smooth or subject.saturated:
        return
    examined.on_work("finite differences")
    slope = Slope(None, "two calls may differ")
    if not subject.stochastic:
        slope = slope_of(subject.module, examined.x[:COMPARED])
    yield from map(_decisive, slope_checks(slope))


def _decisive(check: Check) -> Check:
    """What bounds a record is a failure for attacks along the model's own gradient."""
    return check.model_copy(update={"status": "fail"}) if check.status == "bound" else check

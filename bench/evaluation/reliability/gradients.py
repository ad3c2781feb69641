"""Examines whether gradients exist, whether they agree, and whether they raise the loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.rows import per_row
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.tasks.checks import graded
from bench.tasks.results import Check


def layers(examined: ExaminedModel) -> Iterator[Check]:
    """Count the layers that take a path; without any on a spiking model, the attacker is blind."""
    if examined.spiking:
        says = f"{examined.spiking} spiking layers take every gradient path"
        yield Check(name="layers", status="pass", value=examined.spiking, says=says)
    elif examined.declared:
        says = "its card says that it spikes, but no layer takes a gradient path: the attacker is blind"
        yield Check(name="layers", status="fail", value=0, says=says)
    else:
        says = "no layer takes a gradient path; its own gradient is the only one"
        yield Check(name="layers", status="pass", value=0, says=says)


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
    says = f"3 |g|_1^2 / |g|_2^2 is {ratio:.0f} in the median; {3 * gradient.shape[1]} would be a gradient without zeros"
    yield Check(name="sparsity", status="pass", value=ratio, says=says)


DIRECTIONS = 8
"""Number of random directions that are compared with a gradient's."""


def uphill(examined: ExaminedModel) -> Iterator[Check]:
    """For spiking models, whose true derivative is zero: compare a finite step along the gradient with steps in random
    directions, by the rise of the loss.
    """
    if not examined.spiking:
        return
    before = examined.loss(examined.x)
    step = examined.eps / 2
    blind = []
    for k in range(DIRECTIONS):
        signs = 2.0 * (examined.rng.fold("direction", k).uniform(*examined.x.shape[1:]) < 0.5) - 1
        blind.append(examined.loss((examined.x + step * signs).clamp(0, 1)) - before)
    best_blind = torch.stack(blind).amax(0)
    for name, path in examined.paths.items():
        stepped = (examined.x + step * examined.gradient(path).nan_to_num().sign()).clamp(0, 1)
        share = float((examined.loss(stepped) - before > best_blind).float().mean())
        says = f"a step along {name} raises the loss more than {DIRECTIONS} random ones on {share:.0%} of the samples"
        status = graded(1 - share, warn=0.3, fail=_fatal(name, 0.6))
        yield Check(name=f"uphill along {name}", status=status, value=share, says=says)


def derivative(examined: ExaminedModel) -> Iterator[Check]:
    """For models without a gradient path: is the gradient the derivative of the forward? In float64, along itself."""
    if examined.spiking or examined.stochastic:
        return
    try:
        model = copy.deepcopy(examined.module).double()
        x = examined.x.double()
        leaf = x.clone().requires_grad_()
        loss = F.cross_entropy(model(leaf), examined.y, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    except (RuntimeError, TypeError, ValueError):
        return  # it does not run in float64; the existence of its gradient is checked elsewhere
    length = gradient.flatten(1).norm(dim=1)
    seen = length > 0
    if not bool(seen.any()):
        return
    h = 1e-6
    direction = gradient / per_row(length.clamp_min(1e-300), gradient)
    with torch.no_grad():
        ahead, behind = (F.cross_entropy(model(x + sign * h * direction), examined.y, reduction="none") for sign in (1, -1))
    error = float((((ahead - behind) / (2 * h) - length).abs() / length.clamp_min(1e-300))[seen].median())
    says = (
        f"a finite difference differs from the gradient by {error:.1%} in the median"
        if error < 0.5
        else "the forward has steps behind a made-up slope, and no layer takes a path"
    )
    yield Check(name="derivative", status=graded(error, warn=0.05, fail=0.5), value=min(error, 1e6), says=says)

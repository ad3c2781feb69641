"""Do gradients exist, do they agree, and do they point uphill?"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.rows import per_row
from bench.evaluation.reliability.examined_model import Patient
from bench.tasks.checks import graded
from bench.tasks.results import Check


def layers(patient: Patient) -> Iterator[Check]:
    """How many layers took a path; none, on a model that spikes, leaves the attacker blind."""
    if patient.spiking:
        says = f"{patient.spiking} spiking layers take every gradient path"
        yield Check(name="layers", status="pass", value=patient.spiking, says=says)
    elif patient.declared:
        says = "its card says that it spikes, but no layer takes a gradient path: the attacker is blind"
        yield Check(name="layers", status="fail", value=0, says=says)
    else:
        says = "no layer takes a gradient path; its own gradient is the only one"
        yield Check(name="layers", status="pass", value=0, says=says)


def vanishing(patient: Patient) -> Iterator[Check]:
    """Share of samples whose gradient is zero everywhere, or not a number."""
    for name, path in patient.paths.items():
        gradient = patient.gradient(path).flatten(1)
        bad = float((~gradient.isfinite()).any(1).float().mean())
        zero = float((gradient == 0).all(1).float().mean())
        says = f"along {name}, {zero:.0%} of the gradients are zero and {bad:.0%} are not finite"
        status = graded(max(zero, bad), warn=0.05, fail=_fatal(name, 0.3))
        yield Check(name=f"gradient along {name}", status=status, value=zero, says=says)


def _fatal(path: str, limit: float) -> float:
    """A vanishing surrogate is what other paths are for: only the model's own, which papers report, can fail."""
    return limit if path == "own" else math.inf


def cosines(patient: Patient) -> tuple[list[str], Tensor]:
    """Names of the paths, and the mean over samples of the cosine between their gradients ``(paths, paths)``."""
    names = list(patient.paths)
    unit = torch.stack([F.normalize(patient.gradient(patient.paths[name]).flatten(1).nan_to_num(), dim=1) for name in names])
    return names, torch.einsum("pnd,qnd->pq", unit, unit) / len(patient.y)


def agreement(patient: Patient) -> Iterator[Check]:
    """Whether the model's own surrogate looks the same way as the one that adapts."""
    if patient.spiking:
        names, matrix = cosines(patient)
        value = float(matrix[names.index("own"), names.index("ASSG")])
        says = f"its own gradient has a cosine of {value:.2f} with that of ASSG"
        yield Check(name="agreement", status="warn" if value < 0.1 else "pass", value=value, says=says)


def sparsity(patient: Patient) -> Iterator[Check]:
    """The bound on how much an attack may beat noise by, to first order (Liu et al., ICML 2024)."""
    gradient = patient.gradient(patient.paths["own"]).flatten(1).nan_to_num()
    l1, l2 = gradient.abs().sum(1), gradient.square().sum(1)
    seen = l2 > 0
    if not bool(seen.any()):
        return
    ratio = float((3 * l1[seen] ** 2 / l2[seen]).median())
    says = f"3 |g|_1^2 / |g|_2^2 is {ratio:.0f} in the median; {3 * gradient.shape[1]} would be a gradient without zeros"
    yield Check(name="sparsity", status="pass", value=ratio, says=says)


DIRECTIONS = 8
"""Random directions that a gradient's is compared with."""


def uphill(patient: Patient) -> Iterator[Check]:
    """For spiking models, whose true derivative is zero: does a finite step along the gradient raise the loss more than
    steps in random directions do?"""
    if not patient.spiking:
        return
    before = patient.loss(patient.x)
    step = patient.eps / 2
    blind = []
    for k in range(DIRECTIONS):
        signs = 2.0 * (patient.rng.fold("direction", k).uniform(*patient.x.shape[1:]) < 0.5) - 1
        blind.append(patient.loss((patient.x + step * signs).clamp(0, 1)) - before)
    best_blind = torch.stack(blind).amax(0)
    for name, path in patient.paths.items():
        stepped = (patient.x + step * patient.gradient(path).nan_to_num().sign()).clamp(0, 1)
        share = float((patient.loss(stepped) - before > best_blind).float().mean())
        says = f"a step along {name} raises the loss more than {DIRECTIONS} random ones on {share:.0%} of the samples"
        status = graded(1 - share, warn=0.3, fail=_fatal(name, 0.6))
        yield Check(name=f"uphill along {name}", status=status, value=share, says=says)


def derivative(patient: Patient) -> Iterator[Check]:
    """For models without a gradient path: is the gradient the derivative of the forward? In float64, along itself."""
    if patient.spiking or patient.stochastic:
        return
    try:
        model = copy.deepcopy(patient.module).double()
        x = patient.x.double()
        leaf = x.clone().requires_grad_()
        loss = F.cross_entropy(model(leaf), patient.y, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    except (RuntimeError, TypeError, ValueError):
        return  # it does not run in float64; whether its gradient exists at all is checked elsewhere
    length = gradient.flatten(1).norm(dim=1)
    seen = length > 0
    if not bool(seen.any()):
        return
    h = 1e-6
    direction = gradient / per_row(length.clamp_min(1e-300), gradient)
    with torch.no_grad():
        ahead, behind = (F.cross_entropy(model(x + sign * h * direction), patient.y, reduction="none") for sign in (1, -1))
    error = float((((ahead - behind) / (2 * h) - length).abs() / length.clamp_min(1e-300))[seen].median())
    says = (
        f"a finite difference differs from the gradient by {error:.1%} in the median"
        if error < 0.5
        else "the forward has steps behind a made-up slope, and no layer takes a path"
    )
    yield Check(name="derivative", status=graded(error, warn=0.05, fail=0.5), value=min(error, 1e6), says=says)
